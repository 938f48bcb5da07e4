"""Roles: which column is what. Headers propose, cells have to agree; without a header the cells alone tell.

Where two columns would do as well, nothing is chosen: the question names both.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
import pyarrow.compute as pc

from ai2.ingest.layout import amounts, casting, dates, signs
from ai2.ingest.layout.model import Options
from ai2.ingest.layout.sheet import Column, Sheet, flag
from ai2.ingest.layout.words import (
    ASIDE,
    BOOKED,
    CURRENCIES,
    NOT_BOOKED,
    PENDING,
    PLAIN_FLAGS,
    Role,
    currency_of,
    plain,
    rank,
)
from ai2.ingest.problems import MappingDoesNotFit, Question
from ai2.kit.errors import FieldError

STRONG = 100
# Of more columns of amounts without a word, no sum is tried on every three: a broken file may have hundreds.
MOST_MONEY_COLUMNS = 8
MONEY_ROLES = (Role.AMOUNT, Role.DEBIT, Role.CREDIT, Role.BALANCE)
_CODE = re.compile(r"[A-Z]{3}")
_MCC = re.compile(r"\d{4}")
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}")
# With spaces, dashes, the bank's code behind a slash, and stars where the bank hides some digits.
_ACCOUNT = re.compile(r"(?:[A-Z]{2}\d{2})?[\dA-Z*xX][\dA-Z*xX /.-]{4,40}")
# Ids shorter than this are row numbers more often than ids that stay.
STABLE_ID_LENGTH = 6
# Headers of account numbers that do not say whose.
OF_EITHER_SIDE = frozenset(
    {"iban", "kontonummer", "konto nr", "account number", "account no", "iban bban", "bankverbindung", "konto"}
)
# What a header calls an amount that the fees are taken from.
NET = frozenset({"net", "netto", "neto", "payout"})
# Headers of flags, and of other things more often.
GENERAL = frozenset({"type", "transaction type", "typ", "transactietype", "tipo", "transaktionstyp"})


@dataclass
class Assignment:
    """Columns by role, in the file's order, and what could not be decided."""

    columns: dict[Role, list[Column]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    # Whether the amount is what the fees left.
    is_after_fees: bool = False

    def one(self, role: Role) -> Column | None:
        return next(iter(self.columns.get(role, [])), None)

    def give(self, role: Role, *columns: Column | None) -> None:
        chosen = [column for column in columns if column is not None]
        if chosen:
            self.columns[role] = chosen

    def free(self, sheet: Sheet) -> list[Column]:
        """The columns that are nothing yet."""
        taken = {column.position for columns in self.columns.values() for column in columns}
        return [column for column in sheet.columns if column.position not in taken]

    def ask(self, role: Role, columns: list[Column]) -> None:
        names = " or ".join(f"'{column.name}'" for column in columns)
        field_name = f"mapping.{role}"
        question = f"Which column is the {role.replace('_', ' ')}: {names}?"
        self.questions.append(Question(field_name, question, tuple(column.name for column in columns)))


def assign(sheet: Sheet, *, has_header: bool, currency: str, options: Options) -> Assignment:
    """Every column's role; `currency` is the account's, and settles which of several amounts is meant."""
    found = Assignment()
    if options.mapping:
        _take_mapping(found, sheet, options.mapping)
    _assign_date(found, sheet, has_header=has_header)
    if not _has_money(found):
        _assign_money(found, sheet, has_header=has_header, currency=currency)
    _assign_flag(found, sheet, has_header=has_header)
    _assign_by_words(found, sheet, currency)
    _assign_description(found, sheet)
    return found


def _has_money(found: Assignment) -> bool:
    return bool(found.columns.keys() & {Role.AMOUNT, Role.DEBIT, Role.CREDIT})


def _take_mapping(found: Assignment, sheet: Sheet, mapping: dict[Role, str | int | list[str | int]]) -> None:
    for role, named in mapping.items():
        wanted = named if isinstance(named, list) else [named]
        found.give(role, *(_named(sheet, role, name) for name in wanted))


def _named(sheet: Sheet, role: Role, name: str | int) -> Column:
    """By header, by the header's words, or by position, which a form can only send as text."""
    for key in (lambda column: column.name, lambda column: plain(column.name), lambda column: str(column.position)):
        for column in sheet.columns:
            if key(column) in (str(name), plain(str(name))):
                return column
    raise MappingDoesNotFit(errors=(FieldError(f"mapping.{role}", "is the header or the position of a column"),))


def _assign_date(found: Assignment, sheet: Sheet, *, has_header: bool) -> None:
    if Role.DATE in found.columns:
        return
    candidates = [column for column in sheet.columns if _could_be_date(column)]
    if has_header:
        candidates = _best(candidates, Role.DATE) or candidates
    if len(candidates) > 1:
        candidates = _booking_dates(candidates)
    if len(candidates) == 1:
        found.give(Role.DATE, candidates[0])
    elif candidates:
        found.ask(Role.DATE, candidates)


def _could_be_date(column: Column) -> bool:
    if column.kind == "date":
        return True
    strong = rank(column.name, Role.DATE) >= STRONG
    return strong and any(dates.written_below_header(cell) is not None for cell in column.sample)


def _booking_dates(candidates: list[Column]) -> list[Column]:
    """Statements are sorted by booking date: of several dates, the only sorted one; of equal ones, the first."""
    first, *others = (casting.read_dates(column, "dmy").values for column in candidates)
    if all(first.equals(other) for other in others) and first.null_count < len(first):
        return candidates[:1]
    ordered = [column for column in candidates if _is_sorted(column)]
    return ordered if len(ordered) == 1 else candidates


def _is_sorted(column: Column) -> bool:
    order = dates.evidence(column.distinct.to_pylist()).decided or "dmy"
    days = [(found := dates.written(cell)) and found.read(order) for cell in column.distinct.to_pylist()]
    numbers = np.array([day.toordinal() if day else 0 for day in days])
    in_rows = numbers[column.encoded.indices.drop_null().to_numpy()]
    steps = np.diff(in_rows[in_rows > 0])
    return bool((steps >= 0).all() or (steps <= 0).all())


def _assign_money(found: Assignment, sheet: Sheet, *, has_header: bool, currency: str) -> None:
    candidates = [column for column in found.free(sheet) if column.kind == "empty" or _could_be_amount(column)]
    if not has_header:
        _money_by_cells(found, [column for column in candidates if column.kind == "amount"])
        return
    debit = _best(candidates, Role.DEBIT, at_least=STRONG)
    credit = _best(candidates, Role.CREDIT, at_least=STRONG)
    if len(debit) == len(credit) == 1 and any(column.kind != "empty" for column in debit + credit):
        found.give(Role.DEBIT, *debit)
        found.give(Role.CREDIT, *credit)
        return
    filled = [column for column in candidates if column.kind != "empty"]
    named = _best([column for column in filled if not _is_aside(column)], Role.AMOUNT)
    named = [column for column in named if currency_of(column.name) == currency] or named
    net = _net_of_fee(filled, named)
    found.is_after_fees = bool(net)
    named = net or _proven(filled, named) or named
    if len(named) > 1:
        found.ask(Role.AMOUNT, named)
    elif named:
        found.give(Role.AMOUNT, *named)
    elif len(debit + credit) == 1:
        found.give(Role.DEBIT if debit else Role.CREDIT, *debit, *credit)
        _find_other_side(found, filled)
    else:
        _money_by_cells(found, [column for column in filled if not rank(column.name, Role.BALANCE)])


def _find_other_side(found: Assignment, filled: list[Column]) -> None:
    """Beside a debit or a credit column alone: the column that is filled where that one is not is asked about."""
    side = found.one(Role.DEBIT) or found.one(Role.CREDIT)
    role = Role.CREDIT if Role.DEBIT in found.columns else Role.DEBIT
    others = [
        column
        for column in filled
        if column is not side
        and not rank(column.name, Role.BALANCE)
        and not _is_aside(column)
        and side is not None
        and not _both_filled(side, column)
    ]
    if others:
        found.ask(role, others)


def _net_of_fee(filled: list[Column], named: list[Column]) -> list[Column]:
    """What a fee leaves of an amount, where two columns differ by just that fee in every row."""
    fees = [column for column in filled if rank(column.name, Role.FEE) >= STRONG]
    money = [column for column in filled if column not in fees and not rank(column.name, Role.BALANCE)]
    pairs = [
        (gross, net)
        for fee in fees
        for gross, net in permutations(money, 2)
        if (gross in named or net in named or rank(gross.name, Role.AMOUNT)) and casting.is_net(gross, fee, net)
    ]
    said = [net for _, net in pairs if NET & set(plain(net.name).split())]
    found = said or [net for gross, net in pairs if casting.is_less(net, gross)]
    return found[:1] if all(column is found[0] for column in found) else []


def _proven(filled: list[Column], named: list[Column]) -> list[Column]:
    """Of several columns with amounts the one that the balances follow from more often than from any other."""
    balance = _best(filled, Role.BALANCE, at_least=STRONG)
    others = [column for column in filled if column.kind == "amount" and rank(column.name, Role.AMOUNT)]
    others = [column for column in others if not _is_aside(column) and column not in (*named, *balance)]
    if len(balance) != 1 or not others:
        return []
    held = [(signs.steps_held(column, balance[0]), column) for column in (*named, *others)]
    top = max(steps for steps, _ in held)
    best = [column for steps, column in held if steps == top]
    return best if len(best) == 1 and top > 0 else []


def _could_be_amount(column: Column) -> bool:
    if column.kind == "amount":
        return True
    strong = any(rank(column.name, role) >= STRONG for role in (Role.AMOUNT, Role.DEBIT, Role.CREDIT))
    return strong and column.kind != "date" and any(map(amounts.is_amount, column.sample))


def _money_by_cells(found: Assignment, candidates: list[Column]) -> None:
    """Without words: the only column with amounts; several are asked for, unless one is the others' running sum."""
    candidates = [column for column in candidates if _looks_like_money(column)] or candidates
    if len(candidates) == 1:
        found.give(Role.AMOUNT, candidates[0])
        return
    if len(candidates) == 2 and not _both_filled(*candidates):
        names = tuple(column.name for column in candidates)
        for role, text in ((Role.DEBIT, "money out"), (Role.CREDIT, "money in")):
            question = f"Which column is {text}: '{names[0]}' or '{names[1]}'?"
            found.questions.append(Question(f"mapping.{role}", question, names))
        return
    if len(candidates) > MOST_MONEY_COLUMNS:
        found.ask(Role.AMOUNT, candidates)
        return
    sides = _sides_and_balance(candidates)
    if sides:
        for role, column in zip((Role.DEBIT, Role.CREDIT, Role.BALANCE), sides, strict=True):
            found.give(role, column)
        return
    proven = _amount_and_balance(candidates)
    if proven:
        found.give(Role.AMOUNT, proven[0])
        found.give(Role.BALANCE, proven[1])
    elif candidates:
        found.ask(Role.AMOUNT, candidates)


def _looks_like_money(column: Column) -> bool:
    """Has cents or a sign, as numbers of accounts and cheques have not."""
    return any(re.search(r"[.,]\d{1,3}\D*$|^\D*[-−+(]|[-−)]$", cell) for cell in column.sample)


def _both_filled(one: Column, other: Column) -> bool:
    return bool(pc.any(pc.and_(one.filled, other.filled)).as_py())


def _sides_and_balance(candidates: list[Column]) -> tuple[Column, ...] | None:
    """Debit, credit and balance, where no row fills the first two and the third follows from them and nothing else."""
    proven = [
        (debit, credit, balance)
        for debit, credit, balance in permutations(candidates, 3)
        if not _both_filled(debit, credit) and signs.is_running_difference(debit, credit, balance)
    ]
    return proven[0] if len(proven) == 1 else None


def _amount_and_balance(candidates: list[Column]) -> tuple[Column, Column] | None:
    pairs = [(a, b) for a in candidates for b in candidates if a is not b and signs.is_running_sum(a, b)]
    return pairs[0] if len(pairs) == 1 else None


def _assign_flag(found: Assignment, sheet: Sheet, *, has_header: bool) -> None:
    if Role.FLAG in found.columns or Role.DEBIT in found.columns or Role.CREDIT in found.columns:
        return
    free = [column for column in found.free(sheet) if column.is_flags]
    named = [column for column in _best(free, Role.FLAG) if _is_plainly_flags(column)]
    amount = found.one(Role.AMOUNT)
    bare = [column for column in free if _speaks_for_itself(column, amount, has_header=has_header)]
    found.give(Role.FLAG, *(named or bare)[:1])


def _is_plainly_flags(column: Column) -> bool:
    """Under a header that says so; a `type` has many values besides, and is a flag only where all are, and
    one that is no other word for a transaction besides: `charge` is what a processor calls its customers' payments.
    """
    if plain(column.name) not in GENERAL:
        return True
    ways = {flag(cell) for cell in column.sample}
    return 0 not in ways and (len(ways) == 2 or {plain(cell) for cell in column.sample} <= PLAIN_FLAGS)


def _speaks_for_itself(column: Column, amount: Column | None, *, has_header: bool) -> bool:
    """Without words in a header: CR and DR and their like, or two different letters, beside the amount."""
    if has_header and not column.name.startswith("column "):
        return False
    known = {plain(cell) for cell in column.sample if flag(cell)}
    beside = amount is not None and abs(column.position - amount.position) == 1
    return bool(known) and (known <= PLAIN_FLAGS or len({flag(cell) for cell in known}) == 2) and beside


def _assign_by_words(found: Assignment, sheet: Sheet, currency: str) -> None:
    amount = found.one(Role.AMOUNT)
    is_net = found.is_after_fees or (amount is not None and _is_after_fees(amount))
    fits: dict[Role, Callable[[Column], bool]] = {
        Role.VALUE_DATE: lambda column: column.kind in ("date", "empty"),
        Role.BALANCE: lambda column: column.kind in ("amount", "empty") and not _is_aside(column),
        Role.FEE: lambda column: column.kind == "amount" and not is_net,
        Role.STATUS: _is_status,
        Role.PENDING_ID: _is_stable_id,
        Role.PROVIDER_ID: _is_stable_id,
        Role.COUNTERPARTY: _is_account_numbers,
        Role.MCC: lambda column: all(_MCC.fullmatch(cell) for cell in column.sample),
        Role.ACCOUNT: lambda column: (
            column.kind != "empty" and all(IBAN.fullmatch(cell.replace(" ", "")) for cell in column.sample)
        ),
        Role.MERCHANT: lambda column: column.kind in ("text", "empty"),
        Role.REFERENCE: lambda column: column.kind in ("text", "amount"),
        Role.TYPE: lambda column: column.kind == "text",
        Role.CATEGORY: lambda column: column.kind in ("text", "amount"),  # a ledger's accounts are numbers
    }
    for role, fit in fits.items():
        if role not in found.columns:
            strong = _best(found.free(sheet), role, at_least=STRONG)
            found.give(role, *[column for column in strong if fit(column)][:1])
    _tell_other_side(found, sheet)
    if Role.TRANSACTION_DATE not in found.columns:
        others = [column for column in found.free(sheet) if column.kind == "date"]
        found.give(Role.TRANSACTION_DATE, *(_best(others, Role.DATE) or others)[:1])
    if Role.CURRENCY not in found.columns and not (amount and currency_of(amount.name)):
        found.give(Role.CURRENCY, _currency_column(found, sheet, amount))


def _tell_other_side(found: Assignment, sheet: Sheet) -> None:
    """A bare `IBAN` or `Kontonummer` behind the name of the other side is that side's, not the account's own."""
    day, name = found.one(Role.DATE), found.one(Role.MERCHANT)
    if Role.COUNTERPARTY in found.columns or day is None or name is None:
        return
    candidates = [*found.columns.get(Role.ACCOUNT, []), *found.free(sheet)]
    behind = [
        column
        for column in candidates
        if plain(column.name) in OF_EITHER_SIDE
        and column.position > max(day.position, name.position)
        and _is_account_numbers(column)
    ]
    if behind:
        if found.one(Role.ACCOUNT) in behind:
            del found.columns[Role.ACCOUNT]
        found.give(Role.COUNTERPARTY, next((column for column in behind if _holds_ibans(column)), behind[0]))


def _holds_ibans(column: Column) -> bool:
    return any(IBAN.fullmatch(cell.replace(" ", "")) for cell in column.sample)


def _currency_column(found: Assignment, sheet: Sheet, amount: Column | None) -> Column | None:
    """The codes that stand nearest to the amount, those of the original amount aside."""
    codes = [
        column
        for column in found.free(sheet)
        if column.sample and all(map(_is_currency, column.sample)) and not _is_aside(column)
    ]
    named = [column for column in codes if rank(column.name, Role.CURRENCY)]
    codes = named or [column for column in codes if set(column.sample) <= CURRENCIES]
    place = amount.position if amount else 0
    return min(codes, key=lambda column: (abs(column.position - place), -column.position), default=None)


def _is_currency(cell: str) -> bool:
    return _CODE.fullmatch(cell.upper()) is not None or cell.rstrip(".") in amounts.SYMBOLS


def _is_account_numbers(column: Column) -> bool:
    """Mostly numbers of accounts; some banks write a name or nothing where there is none."""
    numbers = [cell for cell in column.sample if _ACCOUNT.fullmatch(cell) and any(map(str.isdigit, cell))]
    return column.kind != "date" and len(numbers) >= len(column.sample) * 0.5 and bool(numbers)


def _assign_description(found: Assignment, sheet: Sheet) -> None:
    """All columns with the bank's words for it; else who was paid; else the longest and most various text."""
    if Role.DESCRIPTION in found.columns:
        return
    free = [column for column in found.free(sheet) if column.kind != "empty"]
    parts = [column for column in free if rank(column.name, Role.DESCRIPTION) >= STRONG]
    if not parts and Role.MERCHANT not in found.columns:
        parts = [column for column in free if rank(column.name, Role.DESCRIPTION)]
    if not parts and Role.MERCHANT not in found.columns and Role.TYPE not in found.columns:
        parts = sorted((column for column in free if column.kind == "text"), key=_weight)[-1:]
        parts = parts or found.columns.get(Role.CATEGORY, [])
    found.give(Role.DESCRIPTION, *parts)


def _weight(column: Column) -> float:
    length = sum(map(len, column.sample)) / len(column.sample)
    return length * len(column.distinct)


def _best(columns: list[Column], role: Role, *, at_least: int = 1) -> list[Column]:
    """The columns whose header fits a role best; several where they fit as well."""
    ranks = [(rank(column.name, role), column) for column in columns]
    top = max((found for found, _ in ranks), default=0)
    return [column for found, column in ranks if found == top and top >= at_least]


def _is_after_fees(amount: Column) -> bool:
    """Whether the header says that fees are in it already."""
    return bool((NET | {"total"}) & set(plain(amount.name).split()))


def _is_aside(column: Column) -> bool:
    return bool(ASIDE.search(plain(column.name)))


def _is_status(column: Column) -> bool:
    """A few words again and again; a vague header needs one of the known ones among them."""
    vague = plain(column.name) in ("info", "state", "stav", "uitgavenstaat", "situacao", "tila", "stan")
    known = (PENDING | NOT_BOOKED | BOOKED) & set(map(plain, column.sample))
    return column.kind == "text" and len(column.distinct) <= 12 and (not vague or bool(known))


def _is_stable_id(column: Column) -> bool:
    """No id comes twice, and none is a mere row number."""
    filled = len(column.encoded) - column.encoded.null_count
    long_enough = all(len(cell) >= STABLE_ID_LENGTH for cell in column.sample)
    return filled > 0 and filled == len(column.distinct) and long_enough and column.kind != "date"
