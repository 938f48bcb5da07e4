"""The chain: deciders in their order. The first that is sure enough decides, else the surest that a person may review.

People, rules, recurring patterns, merchant knowledge, the file itself, the organization's own model, the shared model,
an LLM. Where the file says nothing, the own model is asked before what is publicly known of the merchant.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ml.answers import Item, Verdict
from ml.deciders import imported, llm, people, recurring, rules
from ml.deciders.decider import Decide
from ml.deciders.known import Known, read
from ml.deciders.own import Own
from ml.deciders.public import Public
from ml.deciders.rules import Ruled
from ml.llm.service import is_configured
from ml.own import repository as own_repository
from ml.recurring.service import RecurringMatch, matching

SILENT = Verdict(None, 0.0, "abstain", "model", "none", ("nothing to go by",))


async def decide(
    db: Connection,
    organization_id: UUID,
    items: Sequence[Item],
    known: Known | None = None,
) -> list[Verdict]:
    """A verdict for each item, in their order. Whoever comes later is asked only where nobody before is sure.

    What people and their rules say is followed; of the others, what is less sure than the organization wants waits
    for a person.
    """
    before = known or await read(db, organization_id, items)
    ruled = await rules.look(db, organization_id, items, before.rules)
    is_renamed = any(item.key != former.key for item, former in zip(ruled.items, items, strict=True))
    by_people = await people.decide(db, organization_id, ruled.items, None if is_renamed else before.taught)
    continued = await matching(db, organization_id, ruled.items, None if is_renamed else before.patterns)
    own = Own(before.own, None if is_renamed else before.kin)
    return await _decide(db, before.organization, ruled, by_people, continued, Public(), own)


async def decide_stored(db: Connection, organization_id: UUID, items: Sequence[Item], public: Public) -> list[Verdict]:
    """The same for what is stored, which rules had their say of when it came in.

    An item without its transaction's id stands for several; such merchants have no recurring payments.
    """
    alone = [item for item in items if item.transaction_id]
    found = await matching(db, organization_id, alone) if alone else []
    by_id = {item.transaction_id: match for item, match in zip(alone, found, strict=True)}
    continued = [by_id.get(item.transaction_id) if item.transaction_id else None for item in items]
    by_people = await people.decide(db, organization_id, items)
    organization = await organizations.get(db, organization_id)
    own = Own(await own_repository.state(db, organization_id))
    return await _decide(db, organization, Ruled(items, [None] * len(items)), by_people, continued, public, own)


async def _decide(
    db: Connection,
    organization: Organization,
    ruled: Ruled,
    by_people: Sequence[Verdict | None],
    continued: Sequence[RecurringMatch | None],
    public: Public,
    own: Own,
) -> list[Verdict]:
    said = [[verdict for verdict in both if verdict] for both in zip(by_people, ruled.verdicts, strict=True)]
    if not all(map(_is_settled, said)):
        for verdicts, match in zip(said, continued, strict=True):
            answer = recurring.verdict(match)
            if answer and not _is_settled(verdicts):
                verdicts.append(_held(answer, organization.auto_apply_confidence))
        await _ask_machines(db, organization, ruled.items, said, public, own)
    chosen = map(imported.told, map(_chosen, said), ruled.items)
    return [replace(each, recurring=match) if match else each for each, match in zip(chosen, continued, strict=True)]


async def _ask_machines(
    db: Connection,
    organization: Organization,
    items: Sequence[Item],
    said: Sequence[list[Verdict]],
    public: Public,
    own: Own,
) -> None:
    """Ask whoever decides after people, rules and patterns. A file's word comes after who knows merchants: no model is
    asked of what it says something of."""
    by_file = await imported.decide(db, organization.organization_id, items)
    held = own.state.held
    of_all: dict[Decide, float | None] = {public.merchant: held.get("merchant"), public.model: held.get("model")}
    for ask in _machines(organization, public, own):
        unless = [None] * len(said) if ask in (own.taught, public.merchant) else by_file
        least = _stricter(organization.auto_apply_confidence, of_all.get(ask))
        await _ask(ask, db, organization.organization_id, items, said, least, unless)
    for verdicts, verdict in zip(said, by_file, strict=True):
        if verdict and not _is_settled(verdicts):
            verdicts.append(verdict)


def _machines(organization: Organization, public: Public, own: Own) -> list[Decide]:
    order: list[Decide] = [own.taught, own.learnt, public.merchant, public.model]
    if organization.allows_llm and is_configured():
        order.append(llm.decide)
    return order


async def _ask(
    ask: Decide,
    db: Connection,
    organization_id: UUID,
    items: Sequence[Item],
    said: Sequence[list[Verdict]],
    least: Decimal | None,
    unless: Sequence[Verdict | None],
) -> None:
    """Ask of whatever nobody is sure of yet, `unless` somebody comes before that has something to say of it."""
    places = [place for place, verdicts in enumerate(said) if not _is_settled(verdicts) and unless[place] is None]
    if ask is llm.decide:  # of what somebody else can say something, it is not asked
        places = [place for place in places if is_left(said[place])]
    if not places:
        return
    answers = await ask(db, organization_id, [items[place] for place in places])
    for place, verdict in zip(places, answers, strict=True):
        if verdict:
            said[place].append(_held(verdict, least))


def _stricter(wanted: Decimal | None, held: float | None) -> Decimal | None:
    """How sure somebody has to be: as the organization wants, or as its corrections hold them to, if that is more."""
    return max(filter(None, (wanted, Decimal(str(held)) if held else None)), default=None)


def is_left(verdicts: Sequence[Verdict]) -> bool:
    """Whether nobody had anything to say."""
    return all(verdict.decision == "abstain" for verdict in verdicts)


def _is_settled(verdicts: Sequence[Verdict]) -> bool:
    return any(verdict.decision == "apply" for verdict in verdicts)


def _held(verdict: Verdict, least: Decimal | None) -> Verdict:
    """What is less sure than the organization wants waits for a person."""
    if least is None or verdict.decision != "apply" or Decimal(str(verdict.confidence)) >= least:
        return verdict
    return replace(verdict, decision="review")


def _chosen(verdicts: Sequence[Verdict]) -> Verdict:
    """The first to be applied; else the surest to review, of equals the first; else why nothing can be said.

    Who it is may be known to another decider than what it is for.
    """
    sure = next((verdict for verdict in verdicts if verdict.decision == "apply"), None)
    to_review = [verdict for verdict in verdicts if verdict.decision == "review"]
    chosen = sure or max(to_review, key=lambda verdict: verdict.confidence, default=None)
    chosen = chosen or (verdicts[-1] if verdicts else SILENT)
    if chosen.merchant:
        return chosen
    merchant = next((verdict.merchant for verdict in verdicts if verdict.merchant), None)
    return replace(chosen, merchant=merchant) if merchant else chosen
