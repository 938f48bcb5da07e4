"""Providers: what data can be fetched from, what each can do and what it needs."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from ai2.ingest.sources import names
from ai2.ingest.sources.model import Source
from ai2.kit.settings import settings
from api.schemas import Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/connectors/providers", tags=["connectors"], route_class=Unit)


class ProviderOut(Out):
    """A provider. `settings` and `credentials` are JSON Schemas of what a connect gives."""

    name: str
    title: str
    kind: Literal["bank", "email", "third_party"] = Field(description="Which endpoint connects it.")
    way: Literal["consent", "credentials"] = Field(description="A link to consent at, or credentials in the request.")
    can: list[str]
    settings: dict[str, Any]
    credentials: dict[str, Any]
    is_available: bool = Field(description="False: the operator has not set what it needs.")
    missing: list[str] = Field(description="The environment variables that are not set.")


class Providers(Out):
    """Every provider; there are few, and they come at once."""

    items: list[ProviderOut]
    next_cursor: None = None


@router.get("", response_model=Providers)
async def list_providers(db: Db, who: Caller) -> Providers:
    """What can be connected, what each can do and what it needs."""
    return Providers(items=[_out(source) for source in names.all_of_them().values()])


def _out(source: Source) -> ProviderOut:
    missing = [name for name in source.needs if not getattr(settings(), name.lower())]
    return ProviderOut(
        name=source.name, title=source.title, kind=source.kind, way=source.way, can=sorted(source.can),
        settings=dict(source.settings), credentials=dict(source.credentials), is_available=not missing, missing=missing,
    )  # fmt: skip
