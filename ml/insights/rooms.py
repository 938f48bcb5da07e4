"""Rooms: other parts of the intelligence that are asked where they are there, and missed by name where they are not."""

import importlib
import importlib.util
from types import ModuleType


def room(name: str) -> ModuleType | None:
    """The service of a room of ml, or none where this installation has none."""
    if importlib.util.find_spec(f"ml.{name}") is None or importlib.util.find_spec(f"ml.{name}.service") is None:
        return None
    return importlib.import_module(f"ml.{name}.service")
