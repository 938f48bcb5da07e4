"""Books with known truth: a household's or a small firm's payments over years, and which of them are of which series.

Everything follows from the seed. Every cadence is there, to the day and loosely, moved off weekends and holidays that
the detection has no list of, at prices that stay, rise, swing with the season or with a rate; series begin, are
skipped, charged twice, and are cancelled. Around them is what is no series: groceries of uneven sums, also each
Saturday, coffee most days at the same few prices, fuel about weekly, cash in round sums, a haircut every five weeks or
so at one price, lunches, taxis, parcels, friends, clients, and shops that are seen once or a few times.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

YEARS = 3
# Easter Sundays of the years that are generated, from which two more holidays follow.
EASTER = {2022: (4, 17), 2023: (4, 9), 2024: (3, 31), 2025: (4, 20), 2026: (4, 5)}
ONE = timedelta(days=1)


@dataclass(frozen=True)
class Row:
    """A payment; `series` names the series that it is of, if any."""

    merchant: str
    day: date
    amount: Decimal
    currency: str = "GBP"
    series: str | None = None


@dataclass
class Series:
    """What is true of a series: `dues` are the days it was really paid on, after the end of the books too."""

    name: str
    cadence: str
    dues: list[date]
    is_cancelled: bool
    rises: list[tuple[date, Decimal]] = field(default_factory=list)


@dataclass(frozen=True)
class Books:
    """One organization's rows in the order of their days, the series in them, and the last day that is known."""

    rows: list[Row]
    series: dict[str, Series]
    end: date


@dataclass(frozen=True)
class Sort:
    """A sort of series: who takes it, how often, at what price."""

    cadence: str
    merchants: tuple[str, ...]
    least: float
    most: float
    price: str = "fixed"
    sign: int = -1
    late: tuple[int, ...] = (0,)
    on: str = "day"
    shift: str = "next"
    odds: float = 0.5


SORTS = (
    Sort("monthly", ("netflix", "spotify", "disney plus", "audible", "dropbox"), 6, 20, "stepped", shift="none",
         odds=1),
    Sort("monthly", ("adobe", "github", "zoom", "xero", "mailchimp", "slack"), 9, 60, "stepped", late=(0, 0, 0, 1)),
    Sort("monthly", ("openrouter", "linode", "digitalocean"), 10, 80, "rate", late=(0, 0, 1)),
    Sort("monthly", ("landlord rent", "hartwell lettings", "mortgage halifax"), 600, 1900, "stepped", odds=0.9),
    Sort("monthly", ("council tax leeds", "tv licence", "puregym", "david lloyd leisure"), 20, 180, "stepped"),
    Sort("monthly", ("vodafone", "ee limited", "o2", "bt group", "sky digital"), 15, 70, "variable", odds=0.8),
    Sort("monthly", ("british gas", "octopus energy", "edf energy", "thames water"), 40, 260, "seasonal"),
    Sort("monthly", ("aviva insurance", "admiral insurance", "zurich assurance"), 20, 120, "stepped"),
    Sort("monthly", ("quimby partners", "zorblax", "halden and moss", "thornbury trust"), 25, 300, "fixed"),
    Sort("monthly", ("acme payroll salary", "northwind wages", "bright bikes salary"), 1500, 5200, "pay", 1,
         on="last", shift="previous", odds=0.6),
    Sort("monthly", ("department pensions state pension", "fabrikam salary"), 700, 2600, "stepped", 1, on="weekday"),
    Sort("monthly", ("lebara mobile", "giffgaff", "jio prepaid"), 8, 25, "fixed", on="thirty", shift="none", odds=0.3),
    Sort("four_weekly", ("universal credit", "child benefit", "voxi mobile"), 15, 700, "stepped", 1, odds=0.4),
    Sort("fortnightly", ("contoso payroll", "initech wages", "cleaner agnes"), 60, 2100, "pay", 1, odds=0.4),
    Sort("weekly", ("little stars nursery", "yoga studio membership", "riverford organic box"), 12, 230, "fixed",
         late=(0, 0, 0, 0, 1), odds=0.6),
    Sort("weekly", ("wayne staffing wages", "globex weekly pay salary"), 300, 800, "pay", 1, odds=0.25),
    Sort("semi_monthly", ("umbrella payroll", "stark payroll salary", "soylent salary"), 900, 2800, "pay", 1,
         shift="previous", odds=0.4),
    Sort("quarterly", ("severn trent water", "city power and light", "southern electric", "anglian water"), 80, 320,
         "seasonal", late=(-6, -3, -1, 0, 0, 1, 2, 4, 8), shift="none", odds=0.9),
    Sort("quarterly", ("hmrc vat", "service charge warren court", "accountants fee dow"), 120, 2400, "variable"),
    Sort("half_yearly", ("dental plan denplan", "storage king", "boiler service homeserve"), 40, 300, "stepped",
         late=(-2, 0, 0, 0, 1, 3), odds=0.8),
    Sort("yearly", ("namecheap domain", "car insurance direct line", "aa membership", "adobe yearly plan"), 12, 620,
         "stepped", late=(-2, 0, 0, 0, 1, 2), shift="none", odds=0.9),
    Sort("yearly", ("amazon prime yearly", "home insurance churchill", "dvla vehicle tax"), 80, 400, "variable",
         late=(0, 0, 1), shift="none", odds=0.6),
)  # fmt: skip


def books(seed: int, *, years: int = YEARS) -> Books:
    """One organization's."""
    chance = random.Random(seed)  # noqa: S311 - made-up books
    end = date(2026, 1, 1) + timedelta(days=chance.randrange(120))
    start = end - timedelta(days=round(365.25 * years))
    rows: list[Row] = []
    series: dict[str, Series] = {}
    for sort in SORTS:
        for merchant in chance.sample(sort.merchants, k=len(sort.merchants)):
            if chance.random() < sort.odds / len(sort.merchants) * 2:
                made, paid = _series(chance, sort, merchant, start, end)
                series[made.name] = made
                rows += paid
    for made, paid in _side_by_side(chance, start, end):
        series[made.name] = made
        rows += paid
    for noise in NOISES:
        rows += [row for row in noise(chance, start, end) if start <= row.day <= end]
    known = [row for row in rows if row.day <= end]
    return Books(sorted(known, key=lambda row: (row.day, row.merchant)), series, end)


def _series(
    chance: random.Random, sort: Sort, merchant: str, start: date, end: date, name: str | None = None
) -> tuple[Series, list[Row]]:
    begins = start + timedelta(days=chance.randrange(400)) if chance.random() < 0.4 else start
    is_cancelled = chance.random() < 0.15
    stops = end - timedelta(days=chance.randrange(100, 700)) if is_cancelled else end + timedelta(days=400)
    nominal = [day for day in _nominal(chance, sort, begins) if begins <= day <= stops]
    price = _price(chance, sort)
    dues: list[date] = []
    rows: list[Row] = []
    rises: list[tuple[date, Decimal]] = []
    last: Decimal | None = None
    name = name or f"{merchant} {sort.cadence}"
    for number, day in enumerate(nominal):
        paid_on = _moved(day, sort.shift) + timedelta(days=chance.choice(sort.late))
        amount = price(number, day)
        if chance.random() < 0.02:
            continue
        dues.append(paid_on)
        if sort.price == "stepped" and last is not None and amount != last and paid_on <= end:
            rises.append((paid_on, amount))
        last = amount
        times = 2 if chance.random() < 0.005 else 1  # charged twice
        rows += [Row(merchant, paid_on, sort.sign * amount, series=name)] * times
    return Series(name, sort.cadence, dues, is_cancelled, rises), rows


def _nominal(chance: random.Random, sort: Sort, begins: date) -> Iterator[date]:
    horizon = begins + timedelta(days=365 * 5)
    every = {"weekly": 7, "fortnightly": 14, "four_weekly": 28}.get(sort.cadence) or (30 if sort.on == "thirty" else 0)
    if every:
        day = begins + timedelta(days=chance.randrange(every))
        while sort.on != "thirty" and day.weekday() > 4:
            day += ONE
        while day < horizon:
            yield day
            day += timedelta(days=every)
        return
    step = {"semi_monthly": 1, "monthly": 1, "quarterly": 3, "half_yearly": 6, "yearly": 12}[sort.cadence]
    on, nth, weekday = chance.randint(1, 29), chance.choice((1, 2, 3, 4, 5)), chance.randrange(5)
    pair = chance.choice(((15, 31), (1, 15), (5, 20), (10, 25)))
    first = begins.year * 12 + begins.month - 1 + chance.randrange(step)
    for month in range(first, first + 60, step):
        year, index = divmod(month, 12)
        if sort.cadence == "semi_monthly":
            yield from (_on(year, index + 1, each) for each in pair)
        elif sort.on == "weekday":
            yield _nth(year, index + 1, weekday, nth)
        else:
            yield _on(year, index + 1, 31 if sort.on == "last" else on)


def _on(year: int, month: int, day: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day - 1), following - ONE)


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    days = [day for day in (_on(year, month, n) for n in range(1, 32)) if day.weekday() == weekday]
    return sorted(set(days))[nth - 1 if nth < 5 else -1]


def _moved(day: date, shift: str) -> date:
    step = {"none": 0, "next": 1, "previous": -1}[shift]
    while step and (day.weekday() > 4 or _is_holiday(day)):
        day += step * ONE
    return day


def _is_holiday(day: date) -> bool:
    easter = date(day.year, *EASTER.get(day.year, (4, 1)))
    is_early_may = day.month == 5 and day.weekday() == 0 and (day.day <= 7 or day.day > 24)
    return (
        (day.month, day.day) in {(1, 1), (12, 25), (12, 26)}
        or day in {easter - 2 * ONE, easter + ONE}
        or is_early_may
        or (day.month == 8 and day.weekday() == 0 and day.day > 24)
    )


def _price(chance: random.Random, sort: Sort) -> Callable[[int, date], Decimal]:
    base = round(chance.uniform(sort.least, sort.most), 2)
    rises = sorted(chance.sample(range(4, 60), k=3)) if sort.cadence not in ("yearly", "half_yearly") else [2, 3, 5]
    factor = chance.uniform(1.04, 1.18)

    def price(number: int, day: date) -> Decimal:
        value = base
        if sort.price == "stepped":
            value = base * factor ** sum(number >= at for at in rises)
        elif sort.price == "rate":
            value = base * chance.gauss(1, 0.015)
        elif sort.price == "variable":
            value = base * chance.uniform(0.85, 1.2)
        elif sort.price == "seasonal":
            cold = abs(day.month - 6.5) / 5.5
            value = base * (0.6 + 0.9 * cold) * chance.uniform(0.85, 1.15)
        elif sort.price == "pay" and chance.random() < 0.3:
            value = base * chance.uniform(0.95, 1.15)
        return Decimal(str(round(value, 2)))

    return price


def _side_by_side(chance: random.Random, start: date, end: date) -> Iterator[tuple[Series, list[Row]]]:
    """Two subscriptions at one merchant, and one among purchases; and one merchant in two currencies."""
    small = Sort("monthly", ("apple bill",), 0.99, 2.99, shift="none")
    large = Sort("monthly", ("apple bill",), 8.99, 14.99, shift="none")
    for number, sort in enumerate((small, large)):
        yield _series(chance, sort, "apple bill", start, end, f"apple bill {number}")
    yield _series(chance, Sort("monthly", ("amazon",), 8.99, 8.99, shift="none"), "amazon", start, end, "prime")


Noise = Callable[[random.Random, date, date], list[Row]]


def _uneven(merchants: tuple[str, ...], every: float, middle: float, sigma: float = 0.6) -> Noise:
    """Bought whenever: gaps without memory, sums of any size."""

    def make(chance: random.Random, start: date, end: date) -> list[Row]:
        rows = []
        for merchant in merchants:
            day = start + timedelta(days=chance.expovariate(1 / every))
            while day <= end:
                amount = Decimal(str(round(middle * chance.lognormvariate(0, sigma), 2)))
                rows.append(Row(merchant, day, -amount))
                day += timedelta(days=max(1, round(chance.expovariate(1 / every))))
        return rows

    return make


def _about(merchant: str, every: int, swing: int, amounts: tuple[float, ...] | tuple[float, float, str]) -> Noise:
    """Done about every so many days, a habit and no bill: at one of few prices, or at a sum between two."""

    def make(chance: random.Random, start: date, end: date) -> list[Row]:
        rows, day = [], start + timedelta(days=chance.randrange(every))
        while day <= end:
            if amounts[-1] == "any":
                amount = round(chance.uniform(float(amounts[0]), float(amounts[1])), 2)
            else:
                amount = float(chance.choice(amounts))
            rows.append(Row(merchant, day, -Decimal(str(round(amount, 2)))))
            day += timedelta(days=max(1, every + chance.randint(-swing, swing)))
        return rows

    return make


def _saturdays(chance: random.Random, start: date, end: date) -> list[Row]:
    day, rows = start + timedelta(days=(5 - start.weekday()) % 7), []
    while day <= end:
        if chance.random() < 0.93:
            rows.append(Row("sainsbury's", day, -Decimal(str(round(chance.uniform(38, 160), 2)))))
        day += timedelta(days=7)
    return rows


def _seen_seldom(chance: random.Random, start: date, end: date) -> list[Row]:
    rows = []
    for number in range(220):
        times = chance.choice((1, 1, 1, 2, 2, 3, 4, 5, 7))
        base = chance.lognormvariate(3.2, 0.9)
        same_price = chance.random() < 0.15
        for _ in range(times):
            day = start + timedelta(days=chance.randrange((end - start).days + 1))
            amount = base if same_price else base * chance.lognormvariate(0, 0.5)
            rows.append(Row(_shop(number), day, -Decimal(str(round(amount, 2)))))
    return rows


def _shop(number: int) -> str:
    first = ("bram", "cold", "dun", "east", "fair", "glen", "hollow", "iron", "kings", "lark", "mill", "north")
    second = ("bridge", "brook", "croft", "field", "gate", "ham", "ley", "stead", "ton", "wick", "wood", "worth")
    third = ("stores", "traders", "and sons", "emporium", "direct", "outlet", "market", "goods", "corner", "gallery")
    return f"{first[number % 12]}{second[number // 12 % 12]} {third[number % 10]}"


def _clients(chance: random.Random, start: date, end: date) -> list[Row]:
    rows = []
    for name in ("lumen design client", "orchard media client", "pines studio client"):
        for _ in range(chance.randint(3, 12)):
            day = start + timedelta(days=chance.randrange((end - start).days + 1))
            rows.append(Row(name, day, Decimal(str(round(chance.uniform(200, 3000), 2)))))
    return rows


NOISES: tuple[Noise, ...] = (
    _uneven(("tesco stores", "lidl", "aldi"), 4, 35),
    _uneven(("amazon",), 9, 24, 0.9),
    _uneven(("apple bill",), 60, 6, 0.7),
    _uneven(("uber trip", "deliveroo", "greggs", "boots"), 12, 14),
    _uneven(("ikea", "argos", "currys", "screwfix", "trainline", "premier inn"), 70, 60),
    _about("costa coffee", 1, 1, (3.4, 3.4, 3.8, 4.2)),
    _about("shell", 8, 3, (35.0, 72.0, "any")),
    _about("cash withdrawal lloyds", 9, 6, (20.0, 50.0, 50.0, 100.0)),
    _about("toni and guy", 36, 12, (32.0, 32.0, 34.0)),
    _about("canteen compass", 2, 1, (5.5, 6.25, 7.0)),
    _about("ncp car park", 5, 4, (4.5, 4.5, 9.0)),
    _about("oyster top up", 11, 7, (20.0,)),
    _about("five guys", 25, 15, (11.5, 38.0, "any")),
    _about("ben miller", 40, 38, (10.0, 20.0, 25.0)),
    _about("pets at home", 30, 9, (18.0, 55.0, "any")),
    _saturdays,
    _seen_seldom,
    _clients,
)
