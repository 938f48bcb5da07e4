"""Made: the client as an app's developer gets it, from its wheel."""

import subprocess
import sys
from pathlib import Path

from clients.python import build


def installed(folder: Path) -> Path:
    """The folder that a Python finds the client in."""
    wheel, site = build(folder / "dist"), folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)
    return site
