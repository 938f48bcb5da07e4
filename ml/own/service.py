"""Own categories: what an organization's own history says of a movement of money, and nobody else's.

What people, their rules and their files chose teaches, from the next request on: the latest choices for a merchant are
read from the books as they are. Words, and whom to believe, are learnt by `refit`.
"""

import asyncio
import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import DictRow

from ai2.books.categories import service as categories
from ai2.kit.database import Connection
from ml.answers import Alternative, Item, KnownMerchant, Verdict
from ml.knowledge.labels import primary_of
from ml.own import loaded, repository
from ml.own.contexts import ATTRIBUTES, CONTEXTS, LABEL_MASK, OF_MERCHANT, Rows, contexts_of, rows_of
from ml.own.counts import Counts
from ml.own.frames import day_of, named
from ml.own.kin import ALIKE, SAME, kins_of, likeness
from ml.own.loaded import Loaded
from ml.own.model import MOST_LABELS, Answers

# Worth a person's look from here on, as everywhere.
REVIEW = 0.4
# A person's word counts as so many of a rule's or a file's.
BY_PERSON = 3.0
# More are decided in a thread, so that others are served meanwhile.
FEW = 8
# What a person taught of a merchant that is only alike is never applied alone.
AT_MOST_ALIKE = 0.8
_KEY = CONTEXTS.index(("key",))


async def taught(
    db: Connection, organization_id: UUID, items: Sequence[Item], read: Sequence[DictRow] | None = None
) -> list[Verdict | None]:
    """What people said of merchants alike, of each item in their order.

    `read` is what they taught of merchants that may be, where it was read already.
    """
    return await _of_kin(db, organization_id, items, read) if items else []


async def learnt(
    db: Connection, organization_id: UUID, items: Sequence[Item], version: int | None = None
) -> list[Verdict | None]:
    """What the model says of each item, in their order; `version` is the newest one (0: none), where it is known."""
    if version is None:
        version = (await repository.state(db, organization_id)).version
    model = await _newest(db, organization_id, version) if items and version else None
    return await _by_model(db, organization_id, model, items) if model else [None] * len(items)


async def follow(db: Connection, organization_id: UUID, category_id: UUID, heir_id: UUID) -> None:
    """What was taught and learnt of a category that another one takes in holds for that one."""
    heir = await categories.get(db, organization_id, heir_id)
    detailed = next((code for code in heir.codes if primary_of(code)), None)
    await repository.follow(db, organization_id, category_id, heir_id, detailed)


async def _of_kin(
    db: Connection, organization_id: UUID, items: Sequence[Item], read: Sequence[DictRow] | None
) -> list[Verdict | None]:
    if read is not None and not read:
        return [None] * len(items)
    if len(items) > FEW and not await repository.is_taught(db, organization_id):
        return [None] * len(items)  # looking up who each of many is takes longer than all else
    kins = [kins_of(item.key[0], item.description) for item in items]
    if read is None:
        read = await repository.kin(db, organization_id, sorted({each for some in kins for each in some}))
    by_kin: defaultdict[str, list[DictRow]] = defaultdict(list)
    for row in read:
        by_kin[row["kin"]].append(row)
    return [
        _kins_word(item, [row for each in some for row in by_kin[each]]) for item, some in zip(items, kins, strict=True)
    ]


def _kins_word(item: Item, known: Sequence[DictRow]) -> Verdict | None:
    """The word on the merchant most alike; where equally alike ones are told apart, a person decides."""
    key, money_in = item.key
    alike = [(likeness(key, row["merchant_key"]), row) for row in known if row["money_in"] == money_in]
    most = max((how for how, _ in alike), default=0.0)
    if most < ALIKE:
        return None
    nearest = [row for how, row in alike if how == most]
    row, agreed = nearest[0], len({row["category_id"] for row in nearest}) == 1
    times = sum(each["times"] for each in nearest if each["category_id"] == row["category_id"])
    is_same = most == SAME and agreed
    sure = (times + 1) / (times + 2) if is_same else most * AT_MOST_ALIKE * times / sum(r["times"] for r in nearest)
    return Verdict(
        detailed=row["detailed"],
        confidence=round(sure, 4),
        decision="apply" if is_same else "review" if sure >= REVIEW else "abstain",
        decided_by="merchant",
        version="taught-kin",
        reasons=(f"your people put {row['merchant']} in {row['category']}, which is written much like it",),
        merchant=KnownMerchant(row["merchant"]) if is_same else None,
        category_id=row["category_id"],
    )


async def _newest(db: Connection, organization_id: UUID, version: int) -> Loaded | None:
    """The organization's model, read again where it has changed."""
    known = loaded.get(organization_id)
    if known and known.version == version:
        return known
    row = await repository.find(db, organization_id)
    if row is None:
        loaded.forget(organization_id)
        return None
    return await asyncio.to_thread(loaded.read, organization_id, row)


async def _by_model(
    db: Connection, organization_id: UUID, known: Loaded, items: Sequence[Item]
) -> list[Verdict | None]:
    rows = _rows(items, known.model.attributes)
    counted = _is_counted(known, rows)
    keys = dict(zip(rows.keys, counted.tolist(), strict=True))
    keys.pop("", None)
    chosen = await repository.latest(
        db, organization_id, list(keys), list(keys.values()),
        attributes=known.model.attributes, learnt_to=known.learnt_to,
    )  # fmt: skip
    known = _with_new_categories(known, chosen)
    if len(items) <= FEW:
        answers = known.model.answers(rows, _live(known, chosen))
    else:
        answers = await asyncio.to_thread(lambda: known.model.answers(rows, _live(known, chosen)))
    names = await repository.in_use(db, organization_id, _named(answers, known))
    answers = replace(answers, applied=answers.applied & _says_as_much(rows, known))
    return [_verdict(item, answers, place, known, names) for place, item in enumerate(items)]


def _with_new_categories(known: Loaded, chosen: Sequence[DictRow]) -> Loaded:
    """The model with room for categories that were first chosen since it was learnt."""
    new = {row["category_id"] for row in chosen} - set(known.category_ids)
    room = max(MOST_LABELS - len(known.category_ids), 0)
    return replace(known, category_ids=(*known.category_ids, *sorted(new)[:room])) if new else known


def _says_as_much(rows: Rows, known: Loaded) -> NDArray[np.bool_]:
    """Whether a row has any of the columns that told categories apart in the past, on which trust was proven."""
    columns = ATTRIBUTES[: len(known.model.attributes)]
    if not columns:
        return np.ones(len(rows), bool)
    return np.any([rows.fields[name] != 0 for name in columns], axis=0)  # type: ignore[no-any-return]


def _rows(items: Sequence[Item], attributes: Sequence[str]) -> Rows:
    today = datetime.datetime.now(datetime.UTC).date()
    return rows_of(
        np.array([item.description for item in items], dtype=object),
        np.array([item.key[0] for item in items], dtype=object),
        np.array([float(item.amount) for item in items]),
        np.array([day_of(item.date or today) for item in items], np.int32),
        named(attributes, lambda name: np.array([value_of(item, name) for item in items], dtype=object)),
    )


def value_of(item: Item, attribute: str) -> str:
    """The value of one of the organization's columns."""
    if attribute == repository.ACCOUNT:
        return str(item.account_id or "")
    if attribute == repository.CODE:
        return item.mcc or ""
    return str(item.attributes.get(attribute) or "")


def _is_counted(known: Loaded, rows: Rows) -> NDArray[np.bool_]:
    """Whether the model has counted a row's merchant: then only what came since is read."""
    contexts = contexts_of(rows, (_KEY,))[:, 0]
    counted = known.model.counts.entries
    at = np.searchsorted(counted, contexts)
    following = counted[np.minimum(at, len(counted) - 1)] if len(counted) else contexts
    return (at < len(counted)) & ((following & ~LABEL_MASK) == contexts) & (contexts != 0)  # type: ignore[no-any-return]


def _live(known: Loaded, chosen: Sequence[DictRow]) -> Counts:
    """Counts of the latest choices, in the contexts of their merchants."""
    places = {category_id: place for place, category_id in reversed(list(enumerate(known.category_ids)))}
    # what was chosen last comes first from the books
    chosen = [row for row in reversed(chosen) if row["category_id"] in places]
    attributes = ATTRIBUTES[: len(known.model.attributes)]
    values = {name: np.array([row[name] for row in chosen], dtype=object) for name in attributes}
    days = np.array([day_of(row["booked_on"]) for row in chosen], np.int32)
    rows = rows_of(
        np.array([row["description"] for row in chosen], dtype=object),
        np.array([row["merchant_key"] for row in chosen], dtype=object),
        np.array([row["amount"] for row in chosen], np.float64),
        days,
        values,
    )
    labels = np.array([places[row["category_id"]] for row in chosen], np.int64)
    weights = np.array([BY_PERSON if row["decided_by"] == "user" else 1 for row in chosen], np.float32)
    return Counts.of(contexts_of(rows, OF_MERCHANT), labels, days, weights)


def _named(answers: Answers, known: Loaded) -> list[UUID]:
    return [known.category_ids[label] for label in np.unique(answers.labels) if label >= 0]


def _verdict(item: Item, answers: Answers, place: int, known: Loaded, names: Mapping[UUID, str]) -> Verdict | None:
    """What the model says, of categories that are in use. Two that became one are one."""
    shares: defaultdict[UUID, float] = defaultdict(float)
    for label, share in zip(answers.labels[place], answers.confidence[place], strict=True):
        if label >= 0 and known.category_ids[label] in names:
            shares[known.category_ids[label]] += float(share)
    if not shares:
        return None
    best = max(shares, key=lambda category_id: shares[category_id])
    sure = min(shares.pop(best), 1.0)
    applied = answers.applied[place] and best == known.category_ids[answers.labels[place, 0]]
    return Verdict(
        detailed=None,
        confidence=round(sure, 4),
        decision="apply" if applied else "review" if sure >= REVIEW else "abstain",
        decided_by="model",
        version=f"own-{known.version}",
        reasons=(_reason(answers, place, item, known.model.attributes),),
        alternatives=tuple(
            Alternative(None, round(share, 4), category_id)
            for category_id, share in sorted(shares.items(), key=lambda pair: -pair[1])
        ),
        category_id=best,
    )


def _reason(answers: Answers, place: int, item: Item, attributes: Sequence[str]) -> str:
    number = int(answers.context[place])
    if number < 0:
        return "its words are like those of what your people put there"
    merchant, alike = item.key[0], "merchants named alike"
    words = {"text": merchant, "key": merchant, "two": alike, "first": alike, "last": alike}
    words |= {"amount": "this amount", "band": "about this amount"}
    words |= {our: f"the same {their.removeprefix('@')}" for our, their in zip(ATTRIBUTES, attributes, strict=False)}
    what = ", ".join(words[name] for name in CONTEXTS[number])
    times, of = round(float(answers.times[place])), round(float(answers.all_times[place]))
    return f"{max(times, 1)} of {max(of, 1)} choices for {what} were the same"
