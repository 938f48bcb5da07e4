"""Deciding by public knowledge and, where that is silent, by the model; equal questions get equal answers."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from ai2.kit.merchants import merchant_key
from ml.answers import Alternative, Decision, Descriptor, KnownMerchant, Verdict
from ml.categoriser import transformer
from ml.categoriser.features import render
from ml.categoriser.model import APPLY, REVIEW, likeliest
from ml.categoriser.score import Scorer
from ml.knowledge.clean import clean
from ml.knowledge.labels import primary_of
from ml.knowledge.merchants import DATA, Found, Merchants, category_codes, merchants
from ml.knowledge.phrases import phrase_in
from ml.knowledge.signs import directed, prior

# Rows through the model at once: 4096 rows of 104 probabilities are 2 MB.
CHUNK = 4096
# From here on keys are made for a whole column, not one by one.
MANY = 64
# What a card network's code alone is worth; acquirers choose it, and not always well.
CODE_ALONE = 0.9
# A refund is likely where a shop pays in; a wage or a payout of that shop is possible.
REFUNDED = 0.94
# Where the beginning of a known name and the other words speak for different things.
IN_DOUBT = 0.7


# A descriptor, its merchant key, and who that is.
Question = tuple[Descriptor, str, Found | None]


class PublicCategoriser:
    """Merchant knowledge with one trained model behind it; `pipeline` is none where no model could be had yet.

    `knowledge` is the shipped table unless a model is to be measured without it; the transformer is asked where it is
    installed, unless told otherwise.
    """

    def __init__(
        self,
        pipeline: Pipeline | None,
        version: str,
        *,
        knowledge: Merchants | None = None,
        with_transformer: bool | None = None,
    ) -> None:
        self.version = version
        self._knowledge = knowledge or merchants()
        self._has_transformer = transformer.is_installed() if with_transformer is None else with_transformer
        self._scorer = Scorer(pipeline) if pipeline is not None else None

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        """A verdict for each, in their order."""
        descriptors = [_cleaned(descriptor) for descriptor in descriptors]
        keys = _keys(descriptors)
        found = [self._knowledge.find_key(key, d.description) for key, d in zip(keys, descriptors, strict=True)]
        said = [by_phrase(d, f) for d, f in zip(descriptors, found, strict=True)]
        known = [phrase or by_knowledge(d, f) for phrase, d, f in zip(said, descriptors, found, strict=True)]
        open_ones = [
            n
            for n, verdict in enumerate(known)
            if verdict is None or (said[n] is None and not _is_whole(found[n], verdict))
        ]
        asked = [(descriptors[n], keys[n], found[n]) for n in open_ones]
        guesses = dict(zip(open_ones, self._guess(asked), strict=True))
        return [weigh(verdict, guesses.get(n)) for n, verdict in enumerate(known)]

    def _guess(self, asked: Sequence[Question]) -> list[Verdict]:
        if self._scorer is None:
            return [_abstain(self.version, _named(found), "no model is loaded yet") for _, _, found in asked]
        # two branches of one merchant are one to the model: each text that it sees is looked at once
        seen = [(_line(question), question[0].money_in, question[1], _named(question[2])) for question in asked]
        distinct = dict(zip(seen, asked, strict=True))
        lines, questions = [line for line, *_ in distinct], list(distinct.values())
        verdicts: list[Verdict] = []
        for start in range(0, len(lines), CHUNK):
            verdicts += self._guess_chunk(self._scorer, lines[start : start + CHUNK], questions[start : start + CHUNK])
        guessed = dict(zip(distinct, verdicts, strict=True))
        return [guessed[each] for each in seen]

    def _guess_chunk(self, scorer: Scorer, lines: Sequence[str], asked: Sequence[Question]) -> list[Verdict]:
        classes = tuple(scorer.classes)
        linear = scorer.probabilities(lines)
        read = self._read(scorer, linear, [key for _, key, _ in asked])
        beliefs = linear * np.stack([_priors(classes, d.money_in) for d, _, _ in asked])
        beliefs /= np.maximum(beliefs.sum(axis=1, keepdims=True), 1e-9)
        best = likeliest(beliefs, scorer.classes)
        sure = np.where(
            read, np.interp(best.probability, *scorer.blended_knots), np.interp(best.probability, *scorer.knots)
        )
        top = np.argpartition(-beliefs, 3, axis=1)[:, :4]
        top = np.take_along_axis(top, np.argsort(-np.take_along_axis(beliefs, top, axis=1), axis=1), axis=1)
        return [
            self._verdict(scorer, found, lines[n], int(best.detailed[n]), float(sure[n]), top[n], beliefs[n])
            for n, (_, _, found) in enumerate(asked)
        ]

    def _read(self, scorer: Scorer, beliefs: NDArray[np.float32], keys: Sequence[str]) -> NDArray[np.bool_]:
        """Let the transformer say what it makes of names of which the words do not tell enough; which those are."""
        read = np.zeros(len(keys), dtype=bool)
        if self._has_transformer:
            best = likeliest(beliefs, scorer.classes)
            read = np.interp(best.probability, *scorer.knots) < APPLY
            read &= np.array([any(map(str.isalpha, key)) for key in keys], dtype=bool)
        if read.any():
            told = transformer.embed([key for key, is_read in zip(keys, read, strict=True) if is_read])
            beliefs[read] = transformer.reweighed(beliefs[read], tuple(map(str, scorer.classes)), told)
        return read

    def _verdict(
        self,
        scorer: Scorer,
        found: Found | None,
        line: str,
        chosen: int,
        confidence: float,
        top: NDArray[np.intp],
        beliefs: NDArray[np.float32],
    ) -> Verdict:
        if not any(word[0].isalpha() for word in line.split() if "=" not in word):
            return _abstain(self.version, _named(found), "the text names nobody and nothing")
        telling = telling_words(scorer, line, chosen)
        return Verdict(
            detailed=str(scorer.classes[chosen]),
            confidence=round(confidence, 4),
            decision=decision_at(confidence),
            decided_by="model",
            version=self.version,
            reasons=(f"what tells: {', '.join(telling)}" if telling else "no single word tells",),
            alternatives=tuple(
                Alternative(str(scorer.classes[other]), round(float(beliefs[other]), 4))
                for other in top
                if other != chosen
            )[:3],
            merchant=_named(found),
        )


def weigh(known: Verdict | None, guess: Verdict | None) -> Verdict:
    """Half a name counts unless the rest of the text speaks for something else: then a person should look."""
    if known is None or guess is None:
        return known or guess or _abstain("none", None, "nothing to go by")
    if guess.confidence < REVIEW or primary_of(guess.detailed) == primary_of(known.detailed):
        return known
    surer = guess if guess.confidence > IN_DOUBT else known
    confidence = min(surer.confidence, IN_DOUBT)
    return replace(
        surer,
        confidence=confidence,
        decision=decision_at(confidence),
        reasons=(*surer.reasons, "name and words disagree"),
        merchant=known.merchant,
    )


def by_phrase(descriptor: Descriptor, found: Found | None) -> Verdict | None:
    """What the bank says in words of its own, whoever stands beside them."""
    phrase = phrase_in(" ".join(descriptor.description.casefold().split()), descriptor.money_in)
    if phrase is None:
        return None
    return Verdict(
        detailed=phrase.detailed,
        confidence=phrase.confidence,
        decision=decision_at(phrase.confidence),
        decided_by="merchant",
        version=knowledge_version(),
        reasons=(f"banks write it so: {phrase.words}",),
        merchant=_named(found),
    )


def by_knowledge(descriptor: Descriptor, found: Found | None) -> Verdict | None:
    """What the merchant's name or the card network's code say, if they say it; none leaves it to the model."""
    named = directed(found.detailed, descriptor.money_in) if found and found.detailed else None
    description, coded_as = category_codes().get(descriptor.mcc or "", ("", ""))
    coded = directed(coded_as, descriptor.money_in) if coded_as and _is_specific(coded_as) else None
    if coded and (named is None or primary_of(coded) != primary_of(named)):
        return _known(descriptor, coded, CODE_ALONE, found, f"merchant category code {descriptor.mcc}: {description}")
    if named and found:
        agreed = (f"merchant category code {descriptor.mcc} agrees",) if coded else ()
        return _known(descriptor, named, 0.99 if coded else found.confidence, found, found.reason, *agreed)
    return None


def _known(descriptor: Descriptor, detailed: str, confidence: float, found: Found | None, *reasons: str) -> Verdict:
    if descriptor.money_in and not detailed.startswith(("INCOME", "TRANSFER_IN", "LOAN_PAYMENTS_CREDIT")):
        confidence *= REFUNDED
        reasons = (*reasons, "money in: a refund keeps its merchant's category")
    return Verdict(
        detailed=detailed,
        confidence=round(confidence, 4),
        decision=decision_at(confidence),
        decided_by="merchant",
        version=knowledge_version(),
        reasons=reasons,
        merchant=_named(found),
    )


def decision_at(confidence: float) -> Decision:
    """Apply what is sure, show a person what may be, keep quiet about the rest."""
    return "apply" if confidence >= APPLY else "review" if confidence >= REVIEW else "abstain"


def telling_words(scorer: Scorer, line: str, chosen: int) -> list[str]:
    """The words of a rendered line that speak most for a class, at most three, strongest first."""
    words = dict.fromkeys(line.split())
    spoken = [(scorer.strength(word, chosen), word) for word in words]
    return [word for strength, word in sorted(spoken, reverse=True)[:3] if strength > 0]


@cache
def knowledge_version() -> str:
    """Names the tables: what they say changes with it."""
    digest = hashlib.sha256()
    for name in ("merchants.csv.gz", "mcc.csv", "branch_words.csv", "phrases.csv", "given_names.txt"):
        digest.update((DATA / name).read_bytes())
    return f"knowledge-{digest.hexdigest()[:8]}"


@cache
def _priors(classes: tuple[str, ...], money_in: bool | None) -> NDArray[np.float32]:
    return np.array([prior(name, money_in) for name in classes], dtype=np.float32)


def _keys(descriptors: Sequence[Descriptor]) -> list[str]:
    """Merchant keys: as the books have them, or else made, of many at once: most differ in nothing but numbers."""
    fresh = [descriptor for descriptor in descriptors if descriptor.key is None]
    made = iter(_made(fresh))
    return [next(made) if descriptor.key is None else descriptor.key for descriptor in descriptors]


def _made(descriptors: Sequence[Descriptor]) -> list[str]:
    if len(descriptors) < MANY:
        return [merchant_key(d.description, d.merchant) for d in descriptors]
    import pyarrow as pa

    from ai2.kit.merchant_keys import merchant_keys

    texts = pa.array([d.description for d in descriptors], pa.string())
    named = pa.array([d.merchant for d in descriptors], pa.string())
    return merchant_keys(texts, named).to_pylist()  # type: ignore[no-any-return]


def _cleaned(descriptor: Descriptor) -> Descriptor:
    description = clean(descriptor.description)
    merchant = clean(descriptor.merchant) if descriptor.merchant else None
    if description == descriptor.description and merchant == descriptor.merchant:
        return descriptor
    return replace(descriptor, description=description, merchant=merchant, key=None)


def _line(question: Question) -> str:
    descriptor, key, _ = question
    return render(
        descriptor.description, money_in=descriptor.money_in, merchant=descriptor.merchant, mcc=descriptor.mcc, key=key
    )


def _is_whole(found: Found | None, verdict: Verdict) -> bool:
    return found is None or found.is_whole or found.confidence > verdict.confidence


def _is_specific(detailed: str) -> bool:
    """A code for 'other' says less than a name does."""
    return "_OTHER_" not in detailed


def _named(found: Found | None) -> KnownMerchant | None:
    return KnownMerchant(found.name, found.kind) if found else None


def _abstain(version: str, merchant: KnownMerchant | None, reason: str) -> Verdict:
    return Verdict(None, 0.0, "abstain", "model", version, (reason,), merchant=merchant)
