"""A plugin for the tests of the version before: the database that they work on is made by this version."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ai2.kit import migrate as former

NEWER = Path(__file__).parents[3]
assert not Path(former.__file__).is_relative_to(NEWER), "the code is the former version's"


SEEN: list[str] = []


def migrate(*_: object, **__: object) -> None:
    told = {**os.environ, "PYTHONPATH": str(NEWER)}
    subprocess.run([sys.executable, "-m", "ai2", "migrate"], cwd=NEWER, env=told, check=True, stdout=subprocess.DEVNULL)
    look = "from ai2.kit import revisions; print(revisions.current())"
    command = [sys.executable, "-c", look]
    SEEN.append(subprocess.run(command, cwd=NEWER, env=told, check=True, capture_output=True, text=True).stdout.strip())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"the schema was at {', '.join(SEEN)}")


former.migrate = migrate
