"""Answers: what is asked of the categoriser and what it says, the same for one transaction and for a million."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Decision = Literal["apply", "review", "abstain"]
Decider = Literal["user", "rule", "recurring", "merchant", "import", "model", "llm"]


@dataclass(frozen=True)
class Descriptor:
    """What is known of a movement of money without knowing whose it is: its sign, no amount, no date, no account.

    `money_in` is none where a file does not tell the direction.
    """

    description: str
    money_in: bool | None
    merchant: str | None = None
    mcc: str | None = None


@dataclass(frozen=True)
class Alternative:
    """Another detailed category that it might be."""

    detailed: str
    confidence: float


@dataclass(frozen=True)
class KnownMerchant:
    """Who it is, as far as that is public knowledge. `kind` is what it sells, in a word or two."""

    name: str
    kind: str | None = None
    website: str | None = None


@dataclass(frozen=True)
class Verdict:
    """A detailed category, how sure (0 to 1, calibrated), what to do with it, who says so and why.

    Where nothing can be said, `detailed` is none and the decision is to abstain.
    """

    detailed: str | None
    confidence: float
    decision: Decision
    decided_by: Decider
    version: str
    reasons: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()
    merchant: KnownMerchant | None = None


class Categoriser(Protocol):
    """Decides by public knowledge and by the model, for anyone."""

    @property
    def version(self) -> str: ...

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        """A verdict for each, in their order."""
        ...


@dataclass(frozen=True)
class Category:
    """A category twice: as predicted for anyone, and as the organization's own (none: it has none for it)."""

    primary: str | None
    detailed: str | None
    category_id: str | None
    name: str | None


@dataclass(frozen=True)
class Analysis:
    """The answer of analyze-transaction. `id` is the caller's own, where many are asked at once."""

    category: Category
    confidence: float
    decision: Decision
    alternatives: tuple[Alternative, ...]
    merchant: KnownMerchant | None
    decided_by: Decider
    version: str
    reasons: tuple[str, ...] = field(default_factory=tuple)
    id: str | None = None
