"""Cases: movements of money with all that is known of them, a split one part by part."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from ai2.books.moments import Moment
from ai2.books.transactions import attachments
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import Transaction
from ai2.kit.database import Connection
from ai2.kit.merchants import merchant_key
from ml.answers import Analysis, Item
from ml.tax import repository
from ml.tax.answers import Case, Movement

# Who may have chosen a category so that a person stands behind it.
PEOPLE = frozenset({"user", "rule"})
Codes = Mapping[UUID, list[str]]


async def cases(
    db: Connection,
    organization_id: UUID,
    items: Sequence[Movement],
    analyses: Sequence[Analysis] | None = None,
    *,
    known_at: Moment | None = None,
) -> list[list[Case]]:
    """The cases of each item: one, or one a part. Of what is not stored the category is asked, where nobody tells it.

    What is stored is as it is, or as it was known at a moment. Raises TransactionNotFound for an id that is not there.
    """
    ids = [item.transaction_id for item in items if item.transaction_id]
    stored = await _stored(db, organization_id, ids, known_at)
    codes = await repository.codes(db, organization_id, known_at=known_at) if stored else {}
    receipts = await attachments.proven(db, organization_id, list(stored), known_at=known_at) if stored else set()
    loose = [item for item in items if item.transaction_id is None]
    known = await _categories(db, organization_id, loose, analyses if len(loose) == len(items) else None)
    loose_codes = iter(known)
    found = []
    for item in items:
        if item.transaction_id is None:
            found.append([_loose(item, next(loose_codes))])
            continue
        transaction = stored[item.transaction_id]
        has_receipt = transaction.transaction_id in receipts
        found.append([*_of_stored(transaction, codes, has_receipt=has_receipt, name=item.id)])
    return found


async def _stored(
    db: Connection, organization_id: UUID, ids: list[UUID], known_at: Moment | None
) -> dict[UUID, Transaction]:
    found = await transactions.get_many(db, organization_id, ids, known_at=known_at) if ids else []
    known = {each.transaction_id: each for each in found}
    if known_at and (gone := [each for each in ids if each not in known]):  # somebody deleted them since
        then = replace(known_at, is_present=False)
        found = await transactions.get_many(db, organization_id, gone, known_at=then)
        known |= {each.transaction_id: each for each in found}
    if not known.keys() >= set(ids):
        raise transactions.TransactionNotFound
    return known


async def _categories(
    db: Connection, organization_id: UUID, items: Sequence[Movement], analyses: Sequence[Analysis] | None
) -> list[tuple[str, ...]]:
    """The predicted categories of what is not stored; nobody is asked for what the question says itself."""
    told: list[tuple[str, ...]] = [getattr(item, "codes", ()) for item in items]
    if analyses is None:
        asked = [place for place, codes in enumerate(told) if not codes and not getattr(items[place], "head", None)]
        analyses = await _analyses(db, organization_id, [items[place] for place in asked]) if asked else []
    else:
        asked = list(range(len(items)))
    own = await _own(db, organization_id, analyses)
    for place, analysis in zip(asked, analyses, strict=True):
        told[place] = _settled(analysis, own)
    return told


async def _own(db: Connection, organization_id: UUID, analyses: Sequence[Analysis]) -> Codes:
    """What the organization's own categories stand for, where an answer names nothing else."""
    is_needed = any(each.category.category_id and not each.category.detailed for each in analyses)
    return await repository.codes(db, organization_id) if is_needed else {}


def _settled(analysis: Analysis, own: Codes) -> tuple[str, ...]:
    """The predicted categories of an answer that says something."""
    category = analysis.category
    if analysis.decision == "abstain":
        return ()
    if category.detailed or category.primary:
        return (str(category.detailed or category.primary),)
    return tuple(own.get(UUID(category.category_id), ())) if category.category_id else ()


async def _analyses(db: Connection, organization_id: UUID, items: Sequence[Movement]) -> list[Analysis]:
    from ml import service  # it answers by the tax rules too

    asked = [Item(description=i.description, amount=i.amount, merchant=i.merchant, mcc=i.mcc) for i in items]
    return await service.categorise(db, organization_id, asked)


def _loose(item: Movement, codes: tuple[str, ...]) -> Case:
    return Case(
        description=item.description,
        amount=item.amount,
        currency=item.currency,
        date=item.date,
        merchant_key=merchant_key(item.description, item.merchant),
        mcc=item.mcc,
        codes=codes,
        id=item.id,
        head=getattr(item, "head", None),
        business_pct=getattr(item, "business_pct", None),
    )


def _of_stored(transaction: Transaction, codes: Codes, *, has_receipt: bool, name: str | None) -> Iterator[Case]:
    if not transaction.splits:
        yield _case(transaction, codes, transaction.category_id, transaction.category, has_receipt, name)
    for place, part in enumerate(transaction.splits):
        category_id = UUID(part["category_id"]) if part["category_id"] else None
        whole = _case(transaction, codes, category_id, part["category"], has_receipt, name)
        # the whole's type follows from the whole, a part's from its category
        yield Case(**{**vars(whole), "amount": Decimal(part["amount"]), "part": place, "is_transfer": False})


def _case(
    transaction: Transaction,
    codes: Codes,
    category_id: UUID | None,
    category: str | None,
    has_receipt: bool,
    name: str | None,
) -> Case:
    return Case(
        description=transaction.description,
        amount=transaction.amount,
        currency=transaction.currency,
        date=transaction.booked_on,
        merchant_key=transaction.merchant_key,
        mcc=transaction.mcc,
        codes=tuple(codes.get(category_id, ())) if category_id else (),
        category=category,
        is_decided=transaction.decided_by in PEOPLE and category_id is not None,
        is_transfer=transaction.type == "transfer",
        is_posted=transaction.status == "posted",
        has_receipt=has_receipt,
        transaction_id=transaction.transaction_id,
        id=name,
    )
