"""Telling: an outlook as amounts of a currency, that add up: net is income less expense, balances go by it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import numpy as np

from ai2.books.dashboard.service import AccountBalance
from ai2.books.rates.service import rounded
from ml.cashflow.lines import Flow, Line, Lines, Of
from ml.cashflow.outlook import Outlook, Tested
from ml.cashflow.panel import YEAR, Floats
from ml.cashflow.span import Span, after

ZERO = Decimal(0)


@dataclass(frozen=True)
class Range:
    """An expected amount, and between what it will lie 80 and 95 times of 100; none where too little is known."""

    amount: Decimal
    low_80: Decimal | None
    high_80: Decimal | None
    low_95: Decimal | None
    high_95: Decimal | None


@dataclass(frozen=True)
class Month:
    """A month to come, or the one that has begun: then what was booked of it is in it.

    `running` is all months up to this one, own transfers too; the balance at the month's end is what is held now and
    that.
    """

    month: date
    is_begun: bool
    income: Range
    expense: Range
    net: Range
    transfers: Decimal
    running: Range
    balance: Range | None


@dataclass(frozen=True)
class Backtest:
    """How forecasts of this went at months of the past, told only what was known then, up to three months ahead.

    `misses` is by method, in units of how much the series changes from one month to the next (MASE); `held_80` is the
    share of 80 % intervals that held what came. Sums have no method of their own.
    """

    flow: str
    method: str | None
    origins: int
    misses: dict[str, float]
    chosen_misses: float | None
    held_80: float | None
    held_95: float | None
    intervals: int


@dataclass(frozen=True)
class AccountForecast:
    """An account's months ahead."""

    account_id: UUID
    name: str
    currency: str
    balance: Decimal | None
    months: list[Month]
    backtest: list[Backtest]
    reason: str | None


@dataclass(frozen=True)
class CategoryMonth:
    """What comes in and goes out of a category in a month; null where there never was any."""

    month: date
    income: Range | None
    expense: Range | None


@dataclass(frozen=True)
class CategoryForecast:
    """A category's months ahead; none is what has no category yet."""

    category_id: UUID | None
    category: str | None
    months: list[CategoryMonth]
    backtest: list[Backtest]


@dataclass(frozen=True)
class CurrencyForecast:
    """The months ahead of one currency. `notes` say what is to be known of these figures."""

    currency: str
    balance: Decimal | None
    months: list[Month]
    backtest: list[Backtest]
    accounts: list[AccountForecast]
    categories: list[CategoryForecast]
    notes: list[str]


@dataclass(frozen=True)
class Rehearsed:
    """How forecasts of an organization went at months of the past: sums of figures, nobody's rows.

    `misses` is by candidate, `chosen` among them, the sum of the series' misses and how many series; `held` by level
    how many intervals held what came, and of how many.
    """

    series: int
    months: int
    misses: dict[str, tuple[float, int]]
    held: dict[str, tuple[float, int]]


@dataclass(frozen=True)
class _Told:
    """What all lines are told from."""

    lines: Lines
    outlook: Outlook
    span: Span
    count: int
    names: Mapping[UUID, str]


def currencies(
    series: Lines,
    outlook: Outlook,
    span: Span,
    *,
    months: int,
    currency: str | None,
    account_id: UUID | None,
    balances: Sequence[AccountBalance],
    names: Mapping[UUID, str],
) -> list[CurrencyForecast]:
    """By currency, in their order; of one account alone where it is named."""
    told = _Told(series, outlook, span, months, names)
    wanted = sorted({line.currency for line in series.rows} if currency is None else {currency})
    found = [_currency(told, each, account_id, [held for held in balances if held.currency == each]) for each in wanted]
    return [each for each in found if each]


def rehearsed(outlook: Outlook, span: Span) -> Rehearsed:
    """The figures of every series' back-test, added up."""
    misses: dict[str, tuple[float, int]] = {}
    held = {"80": (0.0, 0), "95": (0.0, 0)}
    series = outlook.tested[: len(outlook.chosen)]
    for tested in series:
        for name, missed in {**tested.misses, "chosen": tested.chosen_misses}.items():
            if missed is not None:
                total, counted = misses.get(name, (0.0, 0))
                misses[name] = total + missed, counted + 1
        for name, share in (("80", tested.held[0.80]), ("95", tested.held[0.95])):
            total, counted = held[name]
            held[name] = total + (share or 0.0) * tested.tried, counted + tested.tried
    return Rehearsed(len(series), span.whole, misses, held)


def _currency(
    told: _Told, currency: str, account_id: UUID | None, balances: Sequence[AccountBalance]
) -> CurrencyForecast | None:
    of: Of = "account" if account_id else "all"
    if ("net", of, currency, account_id) not in told.lines.sums_of:
        return None
    own = [held for held in balances if account_id in (None, held.account_id)]
    unknown = [held for held in own if held.opening_is == "unknown"]
    balance = None if unknown or not own else sum((held.balance for held in own), ZERO)
    accounts = [_account(told, held) for held in own]
    return CurrencyForecast(
        currency=currency,
        balance=balance,
        months=_months(told, of, currency, account_id, balance),
        backtest=_backtest(told, of, currency, account_id),
        accounts=[each for each in accounts if each],
        categories=[] if account_id else _categories(told, currency),
        notes=list(_notes(told, unknown)),
    )


def _notes(told: _Told, unknown: Sequence[AccountBalance]) -> Iterable[str]:
    if told.span.whole < YEAR:
        yield f"{told.span.whole} whole months are known: no season can be told from them, and intervals are wide"
    if unknown:
        yield f"no balance: nobody says what {len(unknown)} account(s) held at first; give them an opening balance"
    if told.span.day is not None:
        yield f"{told.span.next:%Y-%m} has begun: what was booked by day {told.span.day} is in it"
    if told.lines.left_out:
        yield f"{len(told.lines.left_out)} lines of least money are forecast in the whole alone"


def _account(told: _Told, held: AccountBalance) -> AccountForecast | None:
    key: tuple[Of, str, UUID | None] = ("account", held.currency, held.account_id)
    if ("net", *key) not in told.lines.sums_of:
        return None
    balance = None if held.opening_is == "unknown" else held.balance
    reason = "nobody says what it held at first" if balance is None else None
    return AccountForecast(
        held.account_id, held.name, held.currency, balance, _months(told, *key, balance), _backtest(told, *key), reason
    )


def _categories(told: _Told, currency: str) -> list[CategoryForecast]:
    keys = dict.fromkeys(
        line.key for line in told.lines.rows if (line.of, line.currency) == ("category", currency)
    )  # fmt: skip
    return [
        CategoryForecast(
            key,
            told.names.get(key) if key else None,
            [
                CategoryMonth(
                    after(told.span.next, step),
                    _flow(told, Line("category", currency, key, "income"), step),
                    _flow(told, Line("category", currency, key, "expense"), step),
                )
                for step in range(told.count)
            ],
            _backtest(told, "category", currency, key),
        )
        for key in keys
    ]


def _months(told: _Told, of: Of, currency: str, key: UUID | None, balance: Decimal | None) -> list[Month]:
    nothing = _range(currency, 0.0, {level: np.zeros(2) for level in told.outlook.ends})
    net_row, change_row = (told.lines.sums_of[name, of, currency, key] for name in ("net", "change"))
    begun = _begun(told, told.lines.sums[change_row - len(told.lines.rows)])
    running, found = ZERO, []
    for step in range(told.count):
        income = _flow(told, Line(of, currency, key, "income"), step) or nothing
        expense = _flow(told, Line(of, currency, key, "expense"), step) or nothing
        net = income.amount - expense.amount
        moved = _flow(told, Line(of, currency, key, "transfers"), step)
        transfers = moved.amount if moved else ZERO
        running += net + transfers
        all_of_it = _of_row(told, currency, told.outlook.running_ends, change_row, step, running)
        held = None if balance is None else _plus(all_of_it, balance - _amount(begun, currency))
        is_begun = step == 0 and told.span.day is not None
        of_net = _of_row(told, currency, told.outlook.ends, net_row, step, net)
        month = after(told.span.next, step)
        found.append(Month(month, is_begun, income, expense, of_net, transfers, all_of_it, held))
    return found


def _begun(told: _Told, weights: Floats) -> float:
    """What of the month that has begun is booked."""
    return 0.0 if told.lines.panel.begun is None else float(weights @ told.lines.panel.begun[:, -1])


def _flow(told: _Told, line: Line, step: int) -> Range | None:
    row = told.lines.rows.get(line)
    if row is None:
        return None
    begun = told.lines.panel.begun
    # what is booked stays booked
    floor = -np.inf if begun is None or step or line.flow == "transfers" else begun[row, -1]
    ends = {level: np.maximum(each[row, step], floor) for level, each in told.outlook.ends.items()}
    return _range(line.currency, float(told.outlook.points[row, step]), ends)


def _of_row(
    told: _Told, currency: str, ends: Mapping[float, Floats], row: int, step: int, amount: Decimal
) -> Range:  # fmt: skip
    found = _range(currency, 0.0, {level: each[row, step] for level, each in ends.items()})
    return Range(amount, found.low_80, found.high_80, found.low_95, found.high_95)


def _range(currency: str, point: float, ends: Mapping[float, Floats]) -> Range:
    (low_80, high_80), (low_95, high_95) = ends[0.80], ends[0.95]
    # of a narrow past the wider one may come out narrower by chance
    lower, upper = np.fmin(low_95, low_80), np.fmax(high_95, high_80)
    return Range(_amount(point, currency), *(_or_none(each, currency) for each in (low_80, high_80, lower, upper)))


def _plus(each: Range, base: Decimal) -> Range:
    ends = (None if end is None else end + base for end in (each.low_80, each.high_80, each.low_95, each.high_95))
    return Range(each.amount + base, *ends)


def _or_none(value: float, currency: str) -> Decimal | None:
    return _amount(value, currency) if np.isfinite(value) else None


def _amount(value: float, currency: str) -> Decimal:
    return rounded(Decimal(repr(float(value))), currency)


def _backtest(told: _Told, of: Of, currency: str, key: UUID | None) -> list[Backtest]:
    flows: tuple[Flow, ...] = ("income", "expense", "transfers")
    found = [
        _tested(flow, told.outlook.chosen[row], told.outlook.tested[row])
        for flow in flows
        if (row := told.lines.rows.get(Line(of, currency, key, flow))) is not None
    ]
    net = told.lines.sums_of.get(("net", of, currency, key))
    return found if net is None else [*found, _tested("net", None, told.outlook.tested[net])]


def _tested(flow: str, method: str | None, tested: Tested) -> Backtest:
    return Backtest(
        flow, method, tested.origins, tested.misses, tested.chosen_misses,
        tested.held[0.80], tested.held[0.95], tested.tried,
    )  # fmt: skip
