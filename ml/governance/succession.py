"""Succession: which versions there are, which serves, and how that changes: promoted, taken back, tried beside it."""

import json
from dataclasses import dataclass, replace

from ai2.kit.errors import Conflict, NotFound
from ml import registry
from ml.copies import CHALLENGER, CHAMPION, About

LONGEST_HISTORY = 20


class ModelVersionNotFound(NotFound):
    """There is no model of this name, or it has no such version."""


class NoFormerModel(Conflict):
    """No model served before this one; promote a version instead."""


@dataclass(frozen=True)
class Version:
    """A registered version and what it is now: it serves, is tried, served before, or none of these."""

    about: About
    role: str | None


def versions() -> list[Version]:
    """Every version, the last trained first. Without MLflow those whose copies are kept."""
    if registry.is_used():
        store = registry.store()
        named, former = store.aliases(), store.history()
        known = store.versions()
    else:
        kept = registry.copies()
        pointed = {registry.CHAMPION_ALIAS: kept.pointed(CHAMPION), registry.CHALLENGER_ALIAS: kept.pointed(CHALLENGER)}
        named = {alias: about.version for alias, about in pointed.items() if about}
        known, former = kept.all_of_them(), [about.version for about in kept.history()]
    roles = {**dict.fromkeys(former, "former"), **{version: alias for alias, version in named.items()}}
    return [Version(about, roles.get(about.version)) for about in known]


def version(number: str) -> Version:
    """One version."""
    found = next((each for each in versions() if each.about.version == number), None)
    if found is None:
        raise ModelVersionNotFound
    return found


def promote(about: About, *, by: str = "system") -> About:
    """Let a registered version serve: everywhere by its alias, here at once."""
    promoted = replace(about, promoted_at=registry.now(), promoted_by=by, taken_back_at=None)
    if registry.is_used():
        store = registry.store()
        named, former = store.aliases(), store.history()
        if named.get(registry.CHAMPION_ALIAS) not in (None, about.version):
            store.tell("history", json.dumps([*former, named[registry.CHAMPION_ALIAS]][-LONGEST_HISTORY:]))
        _point_champion(store, promoted)
        if named.get(registry.CHALLENGER_ALIAS) == about.version:
            store.unname(registry.CHALLENGER_ALIAS)
    else:
        kept = registry.copies()
        serving, tried = kept.pointed(CHAMPION), kept.pointed(CHALLENGER)
        if serving and serving.folder != about.folder:
            kept.remember([*kept.history(), serving])
        kept.point(CHAMPION, promoted)
        if tried and tried.folder == about.folder:
            kept.point(CHALLENGER, None)
    registry.refresh()
    return promoted


def rollback(*, by: str = "system") -> About:
    """Let what served before serve again, and say what it is. What is taken back is not promoted by itself again."""
    if registry.is_used():
        store = registry.store()
        named, former = store.aliases(), store.history()
        known = {about.version: about for about in store.versions()}
        former = [number for number in former if number in known]
        if not former:
            raise NoFormerModel
        back = replace(known[former[-1]], promoted_at=registry.now(), promoted_by=by)
        store.tell("history", json.dumps(former[:-1]))
        if registry.CHAMPION_ALIAS in named:
            store.tell("taken_back_at", registry.now(), named[registry.CHAMPION_ALIAS])
        _point_champion(store, back)
    else:
        kept = registry.copies()
        served, serving = kept.history(), kept.pointed(CHAMPION)
        if not served:
            raise NoFormerModel
        back = replace(served[-1], promoted_at=registry.now(), promoted_by=by)
        kept.remember(served[:-1])
        kept.point(CHAMPION, back)
        if serving:
            kept.note(replace(serving, taken_back_at=registry.now()))
    registry.refresh()
    return back


def try_out(about: About | None) -> None:
    """Let a registered version decide beside the champion, unseen; none ends it."""
    if not registry.is_used():
        registry.copies().point(CHALLENGER, about)
    elif about:
        registry.store().name(registry.CHALLENGER_ALIAS, about.version)
        registry.pull(registry.CHALLENGER_ALIAS)
    else:
        registry.store().unname(registry.CHALLENGER_ALIAS)
        registry.copies().point(CHALLENGER, None)


def _point_champion(store: registry.Store, about: About) -> None:
    store.tell("promoted_at", about.promoted_at or "", about.version)
    store.tell("promoted_by", about.promoted_by or "", about.version)
    store.tell("taken_back_at", about.taken_back_at or "", about.version)
    store.name(registry.CHAMPION_ALIAS, about.version)
