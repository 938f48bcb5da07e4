"""Rows: what a mapping makes of an API's rows: our own JSON lines, with the row as it came as its attributes.

Nothing is guessed. What cannot be read is left empty, and the row then goes to quarantine with the reason, as a line of
any file does.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ai2.ingest.sources.rest import paths
from ai2.kit.money import UnknownCurrency, exponent

_ISO = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?", re.ASCII)
_AMOUNT = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,12})?", re.ASCII)
_TEXTS = ("merchant", "reference", "counterparty", "mcc", "pending_id", "id")
LONGEST_TEXT = 1000
Line = dict[str, Any]


def line(row: Any, mapping: Mapping[str, Any], currency: str | None) -> Line | None:
    """The row as one of our lines; none where the mapping says that it is no transaction."""
    fields = mapping["fields"]
    status = fields.get("status", {})
    stated = _first(status["path"], row) if status else None
    if _is_one_of(stated, status.get("skip", ())):
        return None
    own = _text(_first(fields.get("currency", ()), row)) or currency
    found: Line = {name: _text(_first(fields[name], row)) for name in _TEXTS if name in fields}
    return {
        **{name: text for name, text in found.items() if text},
        "date": _day(fields["date"], row),
        "amount": _amount(fields["amount"], row, own),
        "currency": own.upper() if own else None,
        "description": _description(fields, row),
        "pending": _is_one_of(stated, status.get("pending", ())),
        "value_date": _day(fields["value_date"], row) if "value_date" in fields else None,
        "balance": _number(_first(fields.get("balance", ()), row), "."),
        "attributes": row if isinstance(row, dict) else {"row": row},
    }


def dumped(found: Line) -> str:
    """The line as JSON, an object in one line, its amounts as exact numbers."""
    numbers = ", ".join(f'"{name}": {_written(found[name])}' for name in ("amount", "balance"))
    rest = {name: value for name, value in found.items() if name not in ("amount", "balance") and value is not None}
    # always there: `value_date` is a name of ours alone, and tells that the signs are ours too
    rest |= {name: found[name] for name in ("date", "value_date")}
    return f"{{{numbers}, {json.dumps(rest, ensure_ascii=False, default=str)[1:]}"


def day_of(found: Line) -> date | None:
    return date.fromisoformat(found["date"]) if found["date"] else None


def _written(amount: Decimal | None) -> str:
    return "null" if amount is None else f"{amount:f}"


def _first(given: Any, row: Any) -> Any:
    """What the first path has that has anything."""
    for path in (given,) if isinstance(given, str) else given:
        found = paths.value(path, row)
        if found not in (None, "", [], {}):
            return found
    return None


def _text(found: Any) -> str | None:
    if found is None or isinstance(found, bool | dict | list):
        return None
    return " ".join(str(found).split())[:LONGEST_TEXT] or None


def _description(fields: Mapping[str, Any], row: Any) -> str:
    given = fields.get("description", ())
    if not fields.get("join_description"):
        return _text(_first(given, row)) or ""
    every = [_text(paths.value(path, row)) for path in ((given,) if isinstance(given, str) else given)]
    return " ".join(dict.fromkeys(text for text in every if text))


def _is_one_of(stated: Any, words: Any) -> bool:
    return stated is not None and any(_plain(stated) == _plain(word) for word in words)


def _plain(word: Any) -> str:
    return ("true" if word else "false") if isinstance(word, bool) else str(word).strip().casefold()


def _day(field: Mapping[str, Any], row: Any) -> str | None:
    """The day as ISO has it. A zone moves no day: the one that is written is the bank's."""
    found, how = _first(field["path"], row), field.get("format", "iso")
    try:
        if how in ("unix", "unix_ms"):
            seconds = Decimal(str(found)) / (1000 if how == "unix_ms" else 1)
            return datetime.fromtimestamp(int(seconds), UTC).date().isoformat()
        if how == "iso":
            stated = _ISO.fullmatch(str(found).strip())
            return date(*map(int, stated.groups())).isoformat() if stated else None
        return datetime.strptime(str(found).strip(), how).date().isoformat()  # noqa: DTZ007 - only the day is taken
    except (ValueError, OverflowError, OSError, InvalidOperation):
        return None


def _amount(field: Mapping[str, Any], row: Any, currency: str | None) -> Decimal | None:
    """Money in above zero, whatever the provider's convention is."""
    mark = field.get("decimal_mark", ".")
    if "path" in field:
        found = _number(_first(field["path"], row), mark)
    else:
        credit, debit = (_number(_first(field[name], row), mark) for name in ("credit_path", "debit_path"))
        if credit is None and debit is None:
            return None
        found = (abs(credit) if credit else Decimal()) - (abs(debit) if debit else Decimal())
    if found is None:
        return None
    if "direction_path" in field:
        direction = paths.value(field["direction_path"], row)
        if direction is None:
            return None
        found = -abs(found) if _is_one_of(direction, field["direction_out"]) else abs(found)
    if field.get("positive_is") == "out":
        found = -found
    return _major(found, currency) if field.get("minor_units") else found


def _major(amount: Decimal, currency: str | None) -> Decimal | None:
    """Cents as what they are hundredths of; without a currency nobody knows of what."""
    if not currency or amount != amount.to_integral_value():
        return None
    try:
        return amount.scaleb(-exponent(currency.upper()))
    except UnknownCurrency:
        return None


def _number(found: Any, mark: str) -> Decimal | None:
    """A number as it is, a text only as a plain number with this mark: no thousands, which might be decimals."""
    if isinstance(found, bool) or not isinstance(found, int | Decimal | str):
        return None
    text = f"{found:f}" if isinstance(found, Decimal) else str(found).strip()
    if isinstance(found, str) and mark == ",":
        text = text.replace(",", ".") if "." not in text else ""
    return Decimal(text) if _AMOUNT.fullmatch(text) else None
