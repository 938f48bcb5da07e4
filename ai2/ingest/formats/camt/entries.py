"""What an entry of a camt message comes to: a line, a line a detail, or the reason why it is none.

Values are told by their paths, counted from the statement, balance, entry or detail around them.
"""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from ai2.ingest.formats.shared import records
from ai2.ingest.formats.shared.choice import plain
from ai2.ingest.formats.shared.messages import NO_REFERENCE, as_json, day, reference
from ai2.ingest.lines import Reason

STATEMENT, BALANCE, ENTRY, DETAIL = "!s", "!b", "!e", "!d"
Values: TypeAlias = dict[str, str | list[str]]
Row: TypeAlias = dict[str, object]
MONEY_IN, MONEY_OUT = "CRDT", "DBIT"
# Entries that are announced. FUTR is booked, with a value date to come.
PENDING, INFORMATION = frozenset({"PDNG", "FUTR"}), "INFO"
# The remittance field's length: a full one goes on in the next.
FULL_TEXT = 140
LONGEST_DESCRIPTION = 500
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?\s*(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
_AMOUNT = re.compile(r"\+?(?:\d{1,24}(?:\.\d{0,20})?|\.\d{1,20})", re.ASCII)


def _entry(*paths: str) -> tuple[str, ...]:
    return tuple(f"{ENTRY}/{path}" for path in paths)


def _detail(*paths: str) -> tuple[str, ...]:
    return tuple(f"{DETAIL}/{path}" for path in paths)


# Where a value stands, in the order of preference; versions differ.
STATUS = _entry("Sts/Cd", "Sts", "Sts/Prtry")
BOOKED_ON, VALUE_ON = _entry("BookgDt/Dt", "BookgDt/DtTm"), _entry("ValDt/Dt", "ValDt/DtTm")
AMOUNT, DIRECTION, REVERSAL = _entry("Amt"), _entry("CdtDbtInd"), _entry("RvslInd")
PART_DIRECTION = _detail("CdtDbtInd")
PART_AMOUNTS = _detail("Amt", "AmtDtls/TxAmt/Amt")
PROVIDED = _detail("Refs/AcctSvcrRef") + _entry("AcctSvcrRef")
CATEGORY = _detail("MrchntCtgyCd") + _entry("MrchntCtgyCd")
UNSTRUCTURED, STRUCTURED = _detail("RmtInf/Ustrd"), _detail("RmtInf/Strd/AddtlRmtInf")
CREDITOR_REFERENCE = _detail("RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/CdtrRefInf/CdtrRef")
SAID_BY_BANK = _detail("AddtlTxInf") + _entry("AddtlNtryInf")
REFERENCES = (
    *_detail("Refs/ChqNb", "Refs/EndToEndId"), *CREDITOR_REFERENCE, *_detail("Refs/InstrId", "Refs/PmtInfId"),
    *_entry("NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId", "Btch/PmtInfId"),
)  # fmt: skip
OTHER_WORDS = CREDITOR_REFERENCE + SAID_BY_BANK
DOMAIN = [_entry(f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
PROPRIETARY = _entry("BkTxCd/Prtry/Cd")


def one(values: Values, paths: tuple[str, ...]) -> str:
    """The first value at the first of these paths that has one."""
    for path in paths:
        if path in values:
            found = values[path]
            return found if isinstance(found, str) else found[0]
    return ""


def accounts(inside: str) -> tuple[str, ...]:
    """Where an account's IBAN or number stands; version 1 had other places for that."""
    return tuple(f"{inside}/{where}" for where in ("IBAN", "Othr/Id", "BBAN", "UPIC", "PrtryAcct/Id"))


def account_of(values: Values, paths: tuple[str, ...]) -> str:
    return "".join(one(values, paths).split())


class _Role:
    """The debtor or the creditor: where its name and account stand. Who is meant in the end counts first."""

    def __init__(self, name: str) -> None:
        inside = [f"RltdPties/{who}/" for who in (f"Ultmt{name}", name)]
        names = [f"{each}{where}Nm" for each in inside for where in ("", "Pty/")]
        self.names = _detail(*names, f"RltdPties/{name}/Agt/FinInstnId/Nm")
        self.accounts = accounts(f"{DETAIL}/RltdPties/{name}Acct/Id")
        # what has a place of its own in the line of an entry whose other side this is
        self.placed = (f"RltdPties/{name}/Nm", f"RltdPties/{name}Acct/Id/IBAN")


DEBTOR, CREDITOR = _Role("Dbtr"), _Role("Cdtr")


@lru_cache(maxsize=4096)
def day_of(text: str) -> date | None:
    """The bank's calendar date as written; times and zones behind it move nothing."""
    match = _DATE.fullmatch(text)
    return day(int(match[1]), int(match[2]), int(match[3])) if match else None


def signed(amount: str, direction: str) -> Decimal | Reason:
    """An amount of the standard, by its direction."""
    if not amount:
        return Reason.NO_AMOUNT
    if direction not in (MONEY_IN, MONEY_OUT):
        return Reason.NO_FLAG
    if not _AMOUNT.fullmatch(amount):
        return Reason.BAD_AMOUNT
    found = Decimal(amount)
    return found.copy_negate() if direction == MONEY_OUT else found  # any other way would round


def lines(entry: Values, details: list[Values], currency: str, own: str) -> list[Row] | Reason:
    """The lines of an entry, or why it has none; `own` is the number of the statement's account."""
    head = _head(entry, currency)
    if isinstance(head, Reason):
        return head
    if len(details) < 2:
        return [{**head, **_described({**entry, **details[0]} if details else entry, head["amount"], own)}]
    if parts := _parts(entry, details, head["amount"], currency):
        merged = [({**entry, **detail}, part) for detail, part in zip(details, parts, strict=True)]
        described = _told_apart([_described(values, part, own) for values, part in merged])
        return [{**head, **each, "amount": part} for each, part in zip(described, parts, strict=True)]
    return [{**head, **_batch(entry, details, head["amount"], own)}]


def _head(entry: Values, currency: str) -> Row | Reason:
    """Day, amount and state of an entry, or why it is none."""
    status = one(entry, STATUS)
    if status == INFORMATION:
        return Reason.NOT_BOOKED
    booked_on, value_on = one(entry, BOOKED_ON), one(entry, VALUE_ON)
    booked = day_of(booked_on or value_on)
    if booked is None:
        return Reason.BAD_DATE if booked_on or value_on else Reason.NO_DATE
    amount = signed(one(entry, AMOUNT), one(entry, DIRECTION))
    if isinstance(amount, Reason):
        return amount
    return records.unfit(amount, currency) or {
        "booked_on": booked,
        "value_on": day_of(value_on) if value_on else None,
        "amount": amount,
        "currency": currency,
        "status": "pending" if status in PENDING else "posted",
    }


def _parts(entry: Values, details: list[Values], amount: object, currency: str) -> list[Decimal]:
    """What each detail comes to, where all of them together come to the entry's amount; else nothing."""
    found = []
    for detail in details:
        direction = one(detail, PART_DIRECTION) or one(entry, DIRECTION)
        for path in PART_AMOUNTS:
            part = signed(one(detail, (path,)), direction)
            if one(detail, (f"{path}@Ccy",)) == currency and isinstance(part, Decimal):
                found.append(part)
                break
    exact = len(found) == len(details) and sum(found) == amount
    return found if exact and not any(records.unfit(part, currency) for part in found) else []


def is_reversal(entry: Values) -> bool:
    return one(entry, REVERSAL) in ("true", "1")


def _described(values: Values, amount: object, own: str) -> Row:
    """What an entry, with one of its details if it has any, says in words."""
    is_paid_out = isinstance(amount, Decimal) and amount < 0
    role, name, account = _other_side(values, own, is_paid_out=is_paid_out != is_reversal(values))
    text = _text(values)
    provided = one(values, PROVIDED)
    category = one(values, CATEGORY)
    return {
        "description": records.description(name, text) or _code(values),
        "merchant": name or None,
        "reference": _reference(values),
        "mcc": category if re.fullmatch(r"\d{4}", category) else None,
        "provider_id": provided if provided.upper() not in NO_REFERENCE and provided.strip("0") else None,
        "counterparty": account or None,
        "attributes": as_json(_rest(values, role)),
    }


def _told_apart(rows: list[Row]) -> list[Row]:
    """Details that share the entry's reference are numbered, in the bank's order."""
    if len({row["provider_id"] for row in rows}) < len(rows):
        for number, row in enumerate(rows, 1):
            row["provider_id"] = f"{row['provider_id']}/{number}" if row["provider_id"] else None
    return rows


def _batch(entry: Values, details: list[Values], amount: object, own: str) -> Row:
    """An entry of several payments that the bank does not give apart: what all share, and how many they are."""
    each = [_described({**entry, **detail}, amount, own) for detail in details]
    row = _described(entry, amount, own)
    for name in ("merchant", "counterparty", "reference"):
        shared = {described[name] for described in each}
        row[name] = row[name] or (shared.pop() if len(shared) == 1 else None)
    texts = dict.fromkeys(str(described["description"]) for described in each)
    row["description"] = one(entry, SAID_BY_BANK) or "; ".join(texts)[:LONGEST_DESCRIPTION]
    row["attributes"] = as_json({**_rest(entry, CREDITOR), "TxDtls": str(len(details))})
    return row


def _other_side(values: Values, own: str, *, is_paid_out: bool) -> tuple[_Role, str, str]:
    """Role, name and account of the other side: the creditor of what is paid, unless the account beside it is ours.

    Some banks give only one side, and in the wrong role: it is the other one where its account is not ours.
    """
    expected, opposite = (CREDITOR, DEBTOR) if is_paid_out else (DEBTOR, CREDITOR)
    name, account = one(values, expected.names), account_of(values, expected.accounts)
    if not (name or account) or (account and _plain(account) == own):
        other = account_of(values, opposite.accounts)
        if other and own and _plain(other) != own:
            expected, name, account = opposite, one(values, opposite.names), other
    return expected, " ".join(name.split()), account


_plain = lru_cache(maxsize=4096)(plain)


def _text(values: Values) -> str:
    """What the payer wrote; else what the bank says of it."""
    free = values.get(UNSTRUCTURED[0]) or values.get(STRUCTURED[0]) or one(values, OTHER_WORDS)
    if isinstance(free, list):
        free = "".join(text if len(text) >= FULL_TEXT else f"{text} " for text in free)
    return " ".join(free.split())


def _reference(values: Values) -> str | None:
    for path in REFERENCES:
        if path in values and (found := reference(one(values, (path,)))):
            return found
    return None


def _code(values: Values) -> str:
    """The kind of transaction, where nothing is said in words."""
    domain = [one(values, paths) for paths in DOMAIN]
    return "/".join(part for part in domain if part) or one(values, PROPRIETARY)


class _Shown(dict[str, str]):
    """The name of an attribute, by its path in the standard; nothing for what has a place of its own in a line."""

    def __missing__(self, path: str) -> str:
        placed = (*AMOUNT, f"{AMOUNT[0]}@Ccy", *DIRECTION, *STATUS[:2], *BOOKED_ON, *VALUE_ON, *UNSTRUCTURED)
        self[path] = "" if path in placed else path[3:].removeprefix("NtryDtls/")
        return self[path]


_SHOWN = _Shown()


def _rest(values: Values, role: _Role) -> dict[str, str]:
    rest: dict[str, str] = {}
    for path, text in values.items():
        if name := _SHOWN[path]:
            rest.setdefault(name, text if isinstance(text, str) else "\n".join(text))
    for name in role.placed:
        rest.pop(name, None)
    return rest
