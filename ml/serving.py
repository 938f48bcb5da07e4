"""Serving: the models of this process, verified copies of what the registry names, and who looks for their successors.

Others ask `ml.registry` for them: it is the one name for all that concerns models.
"""

import threading
from typing import TYPE_CHECKING

import structlog

from ai2.kit.settings import settings
from ml.copies import CHALLENGER, CHAMPION, FILE, MEASURED, About, Copies, ModelRejected, load

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ml.categoriser.decide import PublicCategoriser

log = structlog.get_logger(__name__)

NAME = "categoriser"
CHAMPION_ALIAS, CHALLENGER_ALIAS = "champion", "challenger"
POINTERS = {CHAMPION_ALIAS: CHAMPION, CHALLENGER_ALIAS: CHALLENGER}
POLL_S = 3.0


class _Serving:
    """The models of this process, and the thread that looks for their successors."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.categoriser: PublicCategoriser | None = None
        self.about: About | None = None
        self.challenger: tuple[PublicCategoriser, About] | None = None
        self.watcher: threading.Thread | None = None


_serving = _Serving()


def champion() -> "PublicCategoriser":
    """What serves now. Where no model was ever trained, merchant knowledge answers alone and the rest abstains."""
    if _serving.categoriser is None:
        _load_kept()
        _watch()
    if _serving.categoriser is None:
        from ml.categoriser.decide import PublicCategoriser

        return PublicCategoriser(None, "none")
    return _serving.categoriser


def about_champion() -> About | None:
    """What is known of what serves; none before there is a model."""
    champion()
    return _serving.about


def challenger() -> "tuple[PublicCategoriser, About] | None":
    """What is tried beside the champion, if something is; it is loaded by who asks, and only then."""
    about = about_challenger()
    if about is None:
        _serving.challenger = None
    elif _serving.challenger is None or _serving.challenger[1].folder != about.folder:
        from ml.categoriser.decide import PublicCategoriser

        pipeline = load(copies().path(about), about.sha256)
        _serving.challenger = PublicCategoriser(pipeline, f"{NAME}-{about.version}"), about
    return _serving.challenger


def about_challenger() -> About | None:
    """What is known of what is tried beside the champion."""
    return copies().pointed(CHALLENGER)


def measured_champion() -> "Pipeline | None":
    """The champion's twin that has not learnt what models are measured on; the champion itself where it has none."""
    about = about_champion()
    if about is None:
        return None
    name, sha256 = (MEASURED, about.measured_sha256) if about.measured_sha256 else (FILE, about.sha256)
    return load(copies().path(about, name), sha256)


def refresh() -> bool:
    """Look for new models, here and in MLflow; says whether another champion serves now.

    What serves stays on any trouble.
    """
    from ml import registry  # which knows of us

    former = _serving.about
    named = registry.aliases()
    if named is not None:
        kept = copies().pointed(CHAMPION)
        if CHAMPION_ALIAS in named and (kept is None or named[CHAMPION_ALIAS] != kept.version):
            registry.pull(CHAMPION_ALIAS)
        _follow_challenger(named.get(CHALLENGER_ALIAS))
    _load_kept()
    return _serving.about is not None and _serving.about != former


def _follow_challenger(version: str | None) -> None:
    from ml import registry

    kept = copies().pointed(CHALLENGER)
    if version is None and kept:
        copies().point(CHALLENGER, None)
    elif version and (kept is None or kept.version != version):
        registry.pull(CHALLENGER_ALIAS)


def _watch() -> None:
    with _serving.lock:
        if _serving.watcher is None:
            _serving.watcher = threading.Thread(target=_look_for_ever, name="champion", daemon=True)
            _serving.watcher.start()


def _look_for_ever() -> None:
    pause = threading.Event()
    while not pause.wait(POLL_S):
        try:
            refresh()
        except Exception:  # whatever it is, what serves goes on serving
            log.warning("champion_not_refreshed", exc_info=True)


def _load_kept() -> None:
    """Serve the kept copy, if there is one that this process does not serve already."""
    about = copies().pointed(CHAMPION)
    if about is None:
        return
    with _serving.lock:
        if about == _serving.about:
            return
        if _serving.about is None or about.folder != _serving.about.folder:
            try:
                pipeline = load(copies().path(about), about.sha256)
            except (ModelRejected, FileNotFoundError) as error:  # without its pointer it is fetched or trained anew
                log.error("kept_model_rejected", reason=str(error))
                copies().point(CHAMPION, None)
                return
            from ml.categoriser.decide import PublicCategoriser

            _serving.categoriser = PublicCategoriser(pipeline, f"{NAME}-{about.version}")
        _serving.about = about
        log.info("champion_serves", version=about.version)


def copies() -> Copies:
    """The copies on this machine."""
    return Copies(settings().home / "models" / NAME)
