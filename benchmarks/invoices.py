"""What is read from real invoices without a template for any: each field right, empty or wrong.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.invoices
    python -m benchmarks.invoices --calibrate [documents [seed]]
    python -m benchmarks.invoices --written [documents [seed]]

The marks, of issuer, amount, date, currency and number: at least 85 % right, at most 3 % wrong. The second form counts,
on written documents whose fields are known, the share of right readings of each kind of evidence: the table in
ai2/receipts/extraction/confidence.py. The third tells how others of them are read with that table. In a real file's
fields a name is right where one is the other with more words or a legal form, as a bank would print it.
"""

import json
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from ai2.receipts.extraction import confidence, pdf, plain
from ai2.receipts.extraction.html.page import page
from ai2.receipts.extraction.model import Extracted
from ai2.receipts.extraction.paper import Paper
from ai2.receipts.extraction.reading import read
from ai2.receipts.extraction.visible import reading
from ai2.receipts.extraction.visible.suppliers import key
from tests.receipts import invoices
from tests.receipts.invoices import Written

FOLDER = "invoices"
FIELDS = {
    "issuer": "supplier",
    "amount": "total",
    "date": "issued_on",
    "currency": "currency",
    "invoice_number": "number",
}
# The number beside this file ends at the first space of the number that is printed.
CORRECTED = {"Orlen": {"invoice_number": "F 1234K20/1234/12"}}
MEDIA: tuple[invoices.Medium, ...] = ("pdf", "html", "text")
# Fewer readings of one kind tell nothing.
FEWEST = 10


def main() -> None:
    arguments = [int(each) for each in sys.argv[2:]]
    match sys.argv[1:2]:
        case ["--calibrate"]:
            calibrate(*arguments)
        case ["--written"]:
            written(*arguments)
        case _:
            real(Path(os.environ["AI2_TEST_DATA"]) / FOLDER)


def real(folder: Path) -> Counter[str]:
    counted: Counter[str] = Counter()
    started = time.perf_counter()
    for described in sorted(folder.glob("*.json")):
        [expected] = json.loads(described.read_text(), parse_float=Decimal)[:1]
        path = next(path for path in folder.glob(f"{described.stem}.*") if path.suffix in (".pdf", ".txt"))
        found = read(path.read_bytes(), "application/octet-stream", path.name)
        for name, field in FIELDS.items():
            if expected.get(name) in (None, ""):
                continue
            told = getattr(found, field) if found else None
            outcome = judged(name, expected[name], told.value if told else None)
            corrected = CORRECTED.get(described.stem, {}).get(name)
            counted[outcome] += 1
            counted[
                f"{judged(name, corrected, told.value if told else None) if corrected else outcome}, corrected"
            ] += 1
            line = f"{described.stem:24}{name:16}{outcome:7}"
            print(line + (f"{told.value}  ({told.confidence:.2f}, {told.where})" if told else ""))
    elapsed_s = time.perf_counter() - started
    for suffix in ("", ", corrected"):
        told_of = {name: counted[name + suffix] for name in ("right", "empty", "wrong")}
        count = sum(told_of.values())
        print(f"{count} fields{suffix}:", ", ".join(f"{name} {n} ({n / count:.1%})" for name, n in told_of.items()))
    print(f"{elapsed_s:.1f} s")
    return counted


def judged(name: str, expected: Any, found: Any) -> str:
    """Right, empty or wrong."""
    if found is None:
        return "empty"
    return "right" if _is(name, expected, found) else "wrong"


def _is(name: str, expected: Any, found: Any) -> bool:
    match name:
        case "issuer":
            return _same_name(str(expected), str(found))
        case "amount":
            return Decimal(found) == Decimal(expected)
        case "date":
            return bool(found == date.fromisoformat(expected))
        case "invoice_number":
            return re.sub(r"\W", "", str(expected)) == re.sub(r"\W", "", str(found))
    return bool(expected == found)


def _same_name(one: str, other: str) -> bool:
    """Equal without the legal form, or one begins with the whole of the other."""
    short, long = sorted((key(one), key(other)), key=len)
    return len(short) >= 3 and long.startswith(short)


# --- documents whose fields are known ----------------------------------------------------------------------------


def made(count: int, seed: int) -> Iterator[tuple[Written, bytes, str]]:
    for number in range(count):
        one = invoices.write(Random(f"{seed} {number}"))  # noqa: S311 - the same documents each time
        yield one, *invoices.bytes_of(one, MEDIA[number % len(MEDIA)])


def calibrate(count: int = 6000, seed: int = 3) -> None:
    counted: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for one, content, media_type in made(count, seed):
        readings = reading.read(_paper(content, media_type))
        for field in fields(readings):
            told = getattr(readings, field.name)
            if told is not None:
                tally = counted[field.name][told.evidence]
                tally[0] += is_right(field.name, one, told.value)
                tally[1] += 1
    for name, kinds in counted.items():
        print(f'    "{name}": {{')
        for evidence, (right, all_of_it) in sorted(kinds.items(), key=lambda item: -item[1][1]):
            if all_of_it >= FEWEST:
                print(f'        "{evidence}": {(right + 1) / (all_of_it + 2):.3f},  # {right} of {all_of_it}')
        print("    },")


def _paper(content: bytes, media_type: str) -> Paper:
    if media_type == "application/pdf":
        opened = pdf.opened(content)
        assert opened
        return opened.paper
    if media_type == "text/html":
        found = page(content.decode())
        assert found
        return found.paper
    return plain.paper(content)


def is_right(field: str, truth: Written, value: Any) -> bool:
    expected = getattr(truth, field)
    if field == "supplier":
        return _same_name(expected, value)
    if field in ("number", "order_number") and expected is not None:
        return re.sub(r"\s", "", str(value)) == re.sub(r"\s", "", expected)
    return bool(value == expected)


def written(count: int = 1000, seed: int = 2) -> None:
    outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    claimed: defaultdict[str, list[float]] = defaultdict(list)
    for one, content, media_type in made(count, seed):
        found = read(content, media_type, "document") or Extracted("text")
        for field in fields(found):
            told = getattr(found, field.name)
            if field.name != "form" and (told is not None or getattr(one, field.name) is not None):
                right = told is not None and is_right(field.name, one, told.value)
                outcomes[field.name]["empty" if told is None else "right" if right else "wrong"] += 1
                if told is not None:
                    claimed[field.name].append(told.confidence)
    print(confidence.THRESHOLD, f"{'field':14}{'right':>8}{'empty':>8}{'wrong':>8}{'of those read':>16}{'claimed':>9}")
    for name, told_of in outcomes.items():
        count, read_of = sum(told_of.values()), told_of["right"] + told_of["wrong"]
        shares = "".join(f"{told_of[each] / count:8.1%}" for each in ("right", "empty", "wrong"))
        mean = sum(claimed[name]) / max(len(claimed[name]), 1)
        print(f"    {name:14}{shares}{told_of['right'] / max(read_of, 1):16.1%}{mean:9.1%}")


if __name__ == "__main__":
    main()
