"""Which sources there are: every file of this folder that has a SOURCE at its foot."""

from functools import cache
from importlib import import_module
from pathlib import Path

from ai2.ingest.sources.model import Source
from ai2.kit.errors import NotFound

NO_SOURCES = frozenset({"__init__", "model", "names", "problems", "asking", "stating"})


class ProviderNotFound(NotFound):
    """There is no such provider; GET /api/connectors/providers lists them."""


@cache
def all_of_them() -> dict[str, Source]:
    """Every source by its name."""
    here = Path(__file__).parent
    files = sorted(
        {path.stem for path in here.glob("*.py")} | {path.parent.name for path in here.glob("*/__init__.py")}
    )
    modules = (import_module(f"{__package__}.{name}") for name in files if name not in NO_SOURCES)
    found = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {source.name: source for source in found}


def source(name: str) -> Source:
    """The source of this name. Raises ProviderNotFound."""
    try:
        return all_of_them()[name]
    except KeyError:
        raise ProviderNotFound from None
