"""`python -m ai2` is the command `ai2`."""

from ai2.cli import app

app()
