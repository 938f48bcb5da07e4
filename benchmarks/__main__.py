"""Every benchmark in turn, or those that are named: `python -m benchmarks [name ...]`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("__"))
for name in names:
    print(f"--- {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)
