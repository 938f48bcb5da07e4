"""Copies: the model files on this machine, each in a folder of its own, loaded only if they are what was registered.

Under `models/categoriser` in the home: `champion.json` and `challenger.json` say what serves and what is tried beside
it, `history.json` what served before, last one last. Where there is no MLflow this is all the registry there is.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# What a model file may hold besides numbers and scikit-learn's own: this, and not what the file says of itself.
TRUSTED = [
    "ml.categoriser.features.tokens",
    "ml.categoriser.linear.LinearCategoriser",
    "ml.categoriser.linear.Lines",
]
# The model, and its twin that has not learnt what both are measured on.
FILE, MEASURED = "model.skops", "measured.skops"
ABOUT, CHAMPION, CHALLENGER, HISTORY = "about.json", "champion.json", "challenger.json", "history.json"
# Former champions that are kept to go back to, and versions that nobody points to.
FORMER, UNUSED = 3, 2


class ModelRejected(ValueError):
    """The model file is not the one that was registered; it is not loaded."""


@dataclass(frozen=True)
class About:
    """What is known of a trained model. `sha256` is its file's; `run_id` is none where there is no MLflow.

    `report` has its figures by split, category and group; `gates` what it was held to before it could serve.
    """

    version: str
    sha256: str
    trained_at: str
    metrics: dict[str, float]
    data: dict[str, Any]
    params: dict[str, Any]
    code_version: str
    run_id: str | None = None
    measured_sha256: str | None = None
    report: dict[str, Any] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    promoted_at: str | None = None
    promoted_by: str | None = None
    taken_back_at: str | None = None

    @classmethod
    def of(cls, known: Mapping[str, Any], **more: Any) -> "About":
        """Read what a newer or older version of us wrote: what we do not know of is left out."""
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in {**known, **more}.items() if name in names})

    @property
    def folder(self) -> str:
        """Where its copy lies: another registry may have given the same version to another file."""
        return f"{self.version}-{self.sha256[:8]}"

    @property
    def fingerprint(self) -> str:
        """What makes two trainings the same: the data, the code and what was turned."""
        told = json.dumps([self.data.get("sha256"), self.code_version, self.params], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


def load(path: Path, sha256: str) -> "Pipeline":
    """The pipeline in a file, if the file is the one that was registered and holds nothing but what we trust."""
    from skops import io
    from skops.io.exceptions import UntrustedTypesFoundException

    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelRejected(f"{path.name} is not what was registered; retrain, or delete {path.parent}")
    try:
        return io.loads(content, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise ModelRejected(f"{path.name} holds types that are not trusted") from error


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Copies:
    """The copies in one home."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def pointed(self, pointer: str) -> About | None:
        """What a pointer names; none where there is none, or it cannot be read."""
        try:
            return About.of(json.loads((self.home / pointer).read_bytes()))
        except (FileNotFoundError, TypeError, ValueError, AttributeError):
            return None

    def path(self, about: About, name: str = FILE) -> Path:
        return self.home / about.folder / name

    def put(self, files: Mapping[str, bytes], about: About) -> None:
        """Lay a version's files down, whole or not at all; nothing points to them yet."""
        self.home.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.home, ignore_cleanup_errors=True) as folder:
            fresh = Path(folder) / about.folder
            fresh.mkdir()
            for name, content in files.items():
                (fresh / name).write_bytes(content)
            (fresh / ABOUT).write_text(json.dumps(asdict(about)), encoding="utf-8")
            if not self.is_whole(about):
                shutil.rmtree(self.home / about.folder, ignore_errors=True)
                with suppress(OSError):  # another process was quicker, with the same file
                    fresh.rename(self.home / about.folder)

    def point(self, pointer: str, about: About | None) -> None:
        """Let a pointer name a version that is here, or nothing; what nothing needs any more goes."""
        if about is None:
            (self.home / pointer).unlink(missing_ok=True)
        else:
            self._write(pointer, asdict(about))
        self._prune()

    def history(self) -> list[About]:
        """What served before, the last one last."""
        try:
            return [About.of(known) for known in json.loads((self.home / HISTORY).read_bytes())]
        except (FileNotFoundError, TypeError, ValueError):
            return []

    def remember(self, former: list[About]) -> None:
        self._write(HISTORY, [asdict(about) for about in former[-FORMER:]])

    def all_of_them(self) -> list[About]:
        """Every version that lies here, the last trained first."""
        found = {about.folder: about for about in self._lying()}
        named = [*self.history(), self.pointed(CHALLENGER), self.pointed(CHAMPION)]
        found.update({about.folder: about for about in named if about and about.folder in found})
        return sorted(found.values(), key=lambda about: (about.trained_at, about.version), reverse=True)

    def _lying(self) -> Iterator[About]:
        for path in self.home.glob(f"*/{ABOUT}"):
            with suppress(OSError, TypeError, ValueError):
                yield About.of(json.loads(path.read_bytes()))

    def _write(self, name: str, content: Any) -> None:
        with TemporaryDirectory(dir=self.home, ignore_cleanup_errors=True) as folder:
            fresh = Path(folder) / Path(name).name
            fresh.write_text(json.dumps(content), encoding="utf-8")
            fresh.replace(self.home / name)

    def is_whole(self, about: About) -> bool:
        """Whether all files of a version lie here, as they were registered."""
        wanted = {FILE: about.sha256, **({MEASURED: about.measured_sha256} if about.measured_sha256 else {})}
        try:
            return all(digest(self.path(about, name).read_bytes()) == sha256 for name, sha256 in wanted.items())
        except OSError:
            return False

    def note(self, about: About) -> None:
        """Write down anew what is known of a version that lies here."""
        self._write(f"{about.folder}/{ABOUT}", asdict(about))

    def _prune(self) -> None:
        named = [self.pointed(CHAMPION), self.pointed(CHALLENGER), *self.history()]
        kept = {about.folder for about in named if about}
        unused = [about for about in self.all_of_them() if about.folder not in kept]
        for about in unused[UNUSED:]:
            shutil.rmtree(self.home / about.folder, ignore_errors=True)
