"""Rules: which row of a rule is in force on a day, and the refusals where none is."""

from collections.abc import Iterable
from datetime import date

from ai2.identity.organizations import TaxRole
from ai2.kit.errors import Invalid
from ml.tax import years
from ml.tax.rows import Row

# People write it so; its code of ISO 3166 is another.
ALIASES = {"UK": "GB"}


class UnknownJurisdiction(Invalid):
    """No tax rules are known of this jurisdiction; the answer lists those that are."""


class UnknownYear(Invalid):
    """No tax rules are known of this year; the answer lists those that are."""


class NotPublished(Invalid):
    """The figure was not published when the rules were read; nothing stands in for it."""


class UnknownRule(Invalid):
    """No such rule is known of this jurisdiction and day."""


class Rules:
    """All rows, found by rule and day. `digest` names the state of the tables that it was read from."""

    def __init__(self, rows: Iterable[Row], digest: str = "") -> None:
        self.digest = digest
        self.rows = tuple(sorted(rows, key=lambda row: (row.rule_id, row.valid_from, row.version)))
        self._by_rule: dict[str, list[Row]] = {}
        for row in self.rows:
            self._by_rule.setdefault(row.rule_id, []).append(row)
        self.jurisdictions = tuple(sorted({row.jurisdiction for row in self.rows}))
        self._known_years = {each: _known_years(each, self.rows) for each in self.countries}

    @property
    def countries(self) -> tuple[str, ...]:
        return tuple(sorted({each.partition("-")[0] for each in self.jurisdictions}))

    def jurisdiction(self, name: str) -> str:
        """The jurisdiction that is meant; a state or province without rules of its own is its country's."""
        given = name.strip().upper()
        wanted = ALIASES.get(given, given)
        country = wanted.partition("-")[0]
        if country not in self.countries:
            raise UnknownJurisdiction(known=[*self.jurisdictions])
        return wanted

    def known_years(self, jurisdiction: str) -> range:
        """The years, each named by that in which it begins, of which something was read."""
        return self._known_years[jurisdiction.partition("-")[0]]

    def check_day(self, jurisdiction: str, day: date) -> None:
        """Refuse a day of a year of which nothing was read."""
        self.check_year(jurisdiction, years.of(jurisdiction, day).start.year)

    def check_year(self, jurisdiction: str, year: int) -> None:
        known = self.known_years(jurisdiction)
        if year not in known:
            names = [years.named(jurisdiction, each).name for each in (known[0], known[-1])]
            raise UnknownYear(
                f"Rules of {jurisdiction} are known from {names[0]} to {names[1]}.",
                known=[years.named(jurisdiction, each).name for each in known],
            )

    def find(self, rule_id: str, day: date, role: TaxRole | None = None) -> Row | None:
        """The row in force on a day: the newest that began, in its highest version; none where none is."""
        best: Row | None = None
        for row in self._by_rule.get(rule_id, ()):
            if row.covers(day) and (row.role is None or role is None or row.role == role):
                best = row  # they are in the order of their days and versions
        return best

    def get(self, rule_id: str, day: date, role: TaxRole | None = None) -> Row:
        """The same, or a refusal that says why there is no figure. Raises UnknownRule and NotPublished."""
        row = self.find(rule_id, day, role)
        if row is None:
            raise UnknownRule(f"No rule {rule_id} is known for {day.isoformat()}.", rule_id=rule_id)
        if not row.is_published:
            raise NotPublished(f"{rule_id} is not published for {day.isoformat()}: {row.note}", rule_id=rule_id)
        return row

    def former(self, rule_id: str, before: Row) -> Row | None:
        """The last row before another that has a figure: to be told of, never to be used instead."""
        earlier = [
            row for row in self._by_rule.get(rule_id, ()) if row.valid_from < before.valid_from and row.is_published
        ]
        return earlier[-1] if earlier else None

    def of(self, jurisdiction: str, start: date, end: date) -> list[Row]:
        """Every row of a jurisdiction, and of the country above it, that is in force on some day of a stretch."""
        wanted = {jurisdiction, jurisdiction.partition("-")[0]}
        return [
            row
            for row in self.rows
            if row.jurisdiction in wanted and row.valid_from <= end and (row.valid_to is None or row.valid_to >= start)
        ]


def _known_years(country: str, rows: Iterable[Row]) -> range:
    """From the first rule on to the year after the one in which they were last read."""
    own = [row for row in rows if row.jurisdiction == country]
    first = min(years.of(country, row.valid_from).start.year for row in own)
    last = max(years.of(country, row.read_on).start.year for row in own) + 1
    return range(first, last + 1)
