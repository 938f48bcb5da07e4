"""AI2: money data in, books people can trust out."""

from importlib.metadata import version

__version__ = version("ai2")
