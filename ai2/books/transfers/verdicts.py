"""Transfer rules: which two transactions are one movement between own accounts, and how sure that is.

Pure: the same candidates give the same answer. docs/reference/transfers.md has the points for users.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from ai2.books.transfers import words
from ai2.books.transfers.sides import Accounts, Own, Side

RULES_VERSION = "transfers-1"
# Days from the money's leaving to its coming in. A bank may book what comes before what goes.
EARLIEST, LATEST = -2, 5
PAIRED, SUGGESTED, UNCLEAR = 0.8, 0.5, 0.6
# Two partners that differ by less are equally good, and none is taken.
MARGIN = 0.05
# How far the rate of a transfer may lie from the day's reference rate: a bank's margin, and the day's movement.
RATE, RATE_SUGGESTED = Decimal("0.03"), Decimal("0.10")
# What may be kept back on the way; and what, where the text speaks of a fee.
FEE, FEE_STATED = Decimal("0.05"), Decimal("0.20")
# Merchant category codes of money itself: transfers, cash, banks, quasi-cash, stored value.
MONEY_CODES = frozenset(
    {"4829", "6010", "6011", "6012", "6050", "6051", "6532", "6533", "6536", "6537", "6538", "6540"}
)
OFFERED = 3

State = Literal["paired", "suggested"]
BARE = "nothing speaks against it"


@dataclass(frozen=True)
class Candidate:
    """Money out and money in. `rate` is what one unit went for on that day by reference, where it is known."""

    out: Side
    into: Side
    rate: Decimal | None = None


@dataclass(frozen=True)
class Verdict:
    """What two transactions are to each other, and why."""

    out: Side
    into: Side
    state: State
    confidence: float
    reasons: tuple[str, ...]


# A candidate, its confidence, why, and its points, which tell apart what is equally certain.
Judged = tuple[Candidate, float, tuple[str, ...], float]


def decide(candidates: Sequence[Candidate], accounts: Accounts, *, bare: bool = True) -> list[Verdict]:
    """Pair what is certain and each other's best; leave to a person what may be; say nothing of the rest.

    Without `bare`, equal amounts of which neither says anything are taken for chance.
    """
    judged = [
        (candidate, confidence, reasons, points)
        for candidate in candidates
        for confidence, reasons, points in judge(candidate, accounts)
        if bare or BARE not in reasons
    ]
    verdicts, open_ones = [], judged
    while clear := _clear(open_ones):
        verdicts += [_verdict(each) for each in clear]
        taken = {side for each in clear for side in _sides(each)}
        open_ones = [each for each in open_ones if not taken & set(_sides(each))]
    return verdicts + _unclear(open_ones)


def _sides(judged: Judged) -> tuple[UUID, UUID]:
    return judged[0].out.transaction_id, judged[0].into.transaction_id


def _verdict(judged: Judged) -> Verdict:
    candidate, confidence, reasons, _ = judged
    out, into = candidate.out, candidate.into
    state: State = "paired" if confidence >= PAIRED else "suggested"
    if not (out.is_posted and into.is_posted):
        state, reasons = "suggested", (*reasons, "one of them is not booked yet")
    if out.put_elsewhere or into.put_elsewhere:
        state, reasons = "suggested", (*reasons, "a person put one of them in a category that is no transfer")
    return Verdict(out, into, state, confidence, reasons)


def _clear(judged: Sequence[Judged]) -> list[Judged]:
    """What is the best of both its sides, and clearly. Rows that are equal in all are paired in order if as many
    go out as come in; otherwise nobody knows which is left over."""
    for_out, for_in = _by_side(judged)
    found, taken = [], set[UUID]()
    for each in sorted(judged, key=lambda j: (-j[3], j[0].out.booked_on, j[0].into.booked_on, *_sides(j))):
        out_id, in_id = _sides(each)
        if taken & {out_id, in_id}:
            continue
        rival_ins = [j for j in for_out[out_id] if each[3] - j[3] < MARGIN]
        rival_outs = [j for j in for_in[in_id] if each[3] - j[3] < MARGIN]
        alike = {_looks(j[0].into) for j in rival_ins} | {_looks(j[0].out) for j in rival_outs}
        if len(alike) == 2 and len(rival_ins) == len(rival_outs):
            taken |= {out_id, in_id}
            found.append(each)
    return found


def _by_side(judged: Sequence[Judged]) -> tuple[Mapping[UUID, list[Judged]], Mapping[UUID, list[Judged]]]:
    for_out, for_in = defaultdict(list), defaultdict(list)
    for each in judged:
        for_out[_sides(each)[0]].append(each)
        for_in[_sides(each)[1]].append(each)
    return for_out, for_in


def _looks(side: Side) -> Hashable:
    return side.account_id, side.booked_on, side.amount, side.text, side.reference, side.counterparty


def _unclear(judged: Sequence[Judged]) -> list[Verdict]:
    """Equally good partners: a person chooses among the few best."""
    for_out, for_in = _by_side(judged)
    best = {
        id(each)
        for side in (*for_out.values(), *for_in.values())
        for each in sorted(side, key=lambda j: -j[3])[:OFFERED]
        if each[1] >= UNCLEAR and max(j[3] for j in side) - each[3] < MARGIN
    }
    return [
        Verdict(each[0].out, each[0].into, "suggested", each[1], (*each[2], "another one fits as well"))
        for each in judged
        if id(each) in best
    ]


def judge(candidate: Candidate, accounts: Accounts) -> Iterator[tuple[float, tuple[str, ...], float]]:
    """How sure it is that the two are one movement, from 0.5 up, why, and its points; nothing where they are not."""
    out, into = candidate.out, candidate.into
    gap = (into.booked_on - out.booked_on).days
    if out.account_id == into.account_id or not EARLIEST <= gap <= LATEST:
        return
    amounts = _amounts(candidate)
    if amounts is None:
        return
    is_ruled = _is_ruled(out, accounts[into.account_id]) or _is_ruled(into, accounts[out.account_id])
    of_another = (out.ruled_account_id or into.ruled_account_id) and not is_ruled
    if of_another or (not is_ruled and _is_none(candidate, accounts)):
        return
    base, most, why = amounts
    points, reasons = _evidence(out, into, accounts)
    if not reasons and (most < 1 or not _bare(out, into)):
        return
    late = 0.015 * gap if gap >= 0 else -0.03 * gap
    confidence = round(max(0.0, min(base + points - late, most, 0.99)), 2)
    if not reasons and gap >= 0:
        confidence, reasons = SUGGESTED, [BARE]
    if confidence >= SUGGESTED:
        yield confidence, (why, *reasons, _when(gap)), base + points - late


def _when(gap: int) -> str:
    return "the same day" if gap == 0 else f"{abs(gap)} day{'s' * (abs(gap) > 1)} {'later' if gap > 0 else 'before'}"


def _bare(out: Side, into: Side) -> bool:
    """Neither says whom it was with: it may be a transfer whose text says nothing."""
    return not any(side.mcc or side.merchant or side.counterparty or side.put_elsewhere for side in (out, into))


def _amounts(candidate: Candidate) -> tuple[float, float, str] | None:
    """The points for the amounts, the most that can come of them, and what they are to each other."""
    out, into = candidate.out, candidate.into
    paid, came = -out.amount, into.amount
    if out.currency == into.currency:
        if paid == came:
            return 0.5, 1.0, "the same amount"
        fee = (paid - came) / paid
        if 0 < fee <= FEE:
            return 0.35, PAIRED - 0.01, f"{paid - came} was kept back"
        if 0 < fee <= FEE_STATED and any(words.FEE.search(side.text) for side in (out, into)):
            return 0.35, PAIRED - 0.01, f"{paid - came} was kept back, and a fee is named"
        return None
    return _by_rate(paid, came, candidate.rate)


def _by_rate(paid: Decimal, came: Decimal, rate: Decimal | None) -> tuple[float, float, str] | None:
    if rate is None:
        return 0.3, PAIRED - 0.01, "no reference rate is known"
    off = abs(came / paid / rate - 1)
    if off <= RATE:
        return 0.45, 1.0, f"the day's rate, to {off:.1%}"
    return (0.3, PAIRED - 0.01, f"{off:.1%} from the day's rate") if off <= RATE_SUGGESTED else None


def _evidence(out: Side, into: Side, accounts: Accounts) -> tuple[float, list[str]]:
    """Points and reasons from what the two say of each other."""
    ours, theirs = accounts[out.account_id], accounts[into.account_id]
    named = [accounts.says_number(out, theirs), accounts.says_number(into, ours)]
    if _is_ruled(out, theirs) or _is_ruled(into, ours):
        return 0.47, ["a rule names the other's account"]
    if any(named):
        return 0.47 if all(named) else 0.44, ["one names the other's account number"]
    points, reasons = 0.0, []
    spoken, why = _spoken(out, into)
    if why:
        points += spoken
        reasons.append(why)
    if accounts.says_name(out, theirs) or accounts.says_name(into, ours):
        points += 0.3
        reasons.append("one names the other's account")
    elif _hints(out, theirs) or _hints(into, ours):
        points += 0.15
        reasons.append(f"one speaks of a {theirs.kind if _hints(out, theirs) else ours.kind} account")
    if theirs.kind == "cash" and out.is_cash:
        points += 0.3
        reasons.append("cash was drawn")
    if _shared_reference(out, into):
        points += 0.2
        reasons.append("the same reference")
    if reasons and any(side.is_else for side in (out, into)):
        points -= 0.3
        reasons.append("one speaks of something else")
    return points, reasons


def _spoken(out: Side, into: Side) -> tuple[float, str]:
    """What the words are worth: of a transfer, or only of money that is sent to anybody."""
    plainly = [side.is_plain for side in (out, into)]
    somehow = [side.is_sent for side in (out, into)]
    if all(either or weak for either, weak in zip(plainly, somehow, strict=True)):
        return 0.35 if all(plainly) else 0.25, "both speak of a transfer"
    if any(plainly) or any(somehow):
        return 0.2 if any(plainly) else 0.15, "one speaks of a transfer"
    return 0.0, ""


def _is_none(candidate: Candidate, accounts: Accounts) -> bool:
    """What excludes that it is a transfer between these two, whatever else fits."""
    out, into = candidate.out, candidate.into
    ours, theirs = accounts[out.account_id], accounts[into.account_id]
    if accounts.says_number(out, theirs) or accounts.says_number(into, ours):
        return False
    if any(_is_with_another(side, other) for side, other in ((out, theirs), (into, ours))):
        return True
    if _names_better(out, ours, theirs, accounts) or _names_better(into, theirs, ours, accounts):
        return True
    if out.is_cash and theirs.kind != "cash":
        return not out.is_plain
    if into.is_salary:
        return True
    return any(side.mcc and side.mcc not in MONEY_CODES for side in (out, into))


def _names_better(side: Side, own: Own, partner: Own, accounts: Accounts) -> bool:
    """Whether the text names another own account, and not this partner."""
    both, named = {own.account_id, partner.account_id}, accounts.named(side)
    if named.by_number - both:
        return True
    return bool(named.by_name - both) and partner.account_id not in named.by_name


def _is_with_another(side: Side, other: Own) -> bool:
    """The bank names another account than the partner's."""
    known, partner = side.compact_counterparty, other.compact
    return bool(known and partner) and not (known.endswith(partner) or partner.endswith(known))


def _hints(side: Side, own: Own) -> bool:
    """A word of the account's name, or of its kind, in a text that speaks of a transfer or of from or to."""
    kind = words.KINDS.get(own.kind)
    if kind is not None and kind.search(side.text):
        return True
    return bool(own.telling_words & side.tokens)


def _is_ruled(side: Side, other: Own) -> bool:
    return side.ruled_account_id == other.account_id


def _shared_reference(out: Side, into: Side) -> bool:
    """The same reference, or a word of five digits or more in both texts that is no date."""
    if out.reference and into.reference and len(out.reference) >= 4 and out.reference == into.reference:
        return True
    return bool(out.long_numbers & into.long_numbers)
