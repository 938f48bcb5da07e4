"""Inference: from sheets to a layout, every decision made over whole columns, every open one asked at once.

A person's options come before the saved layout, and that before what the file says. A file that contradicts its
saved layout is asked about: banks do change their exports. A file that is read in pieces is gathered piece by piece
and decided once: `gather(first, ...).with_sheet(second).with_sheet(third).layout()` is what `infer` says of the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ai2.ingest.layout import amounts, dates, evidence, signs
from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.dates import DateOrder
from ai2.ingest.layout.evidence import Evidence, Money
from ai2.ingest.layout.model import Direction, Fees, Layout, Options, signature
from ai2.ingest.layout.roles import IBAN, MONEY_ROLES, Assignment, assign
from ai2.ingest.layout.sheet import Sheet
from ai2.ingest.layout.words import Role, currency_of
from ai2.ingest.lines import Account
from ai2.ingest.problems import Column as SeenColumn
from ai2.ingest.problems import (
    MappingDoesNotFit,
    NeedsAnswer,
    NoTransactions,
    OtherAccount,
    OtherCurrency,
    Question,
    SeveralAccounts,
)
from ai2.kit.money import exponent

# So many different days in a row have to rise, or fall, as the balances do, to tell the order of day and month.
TELLING_DAYS = 4


@dataclass(frozen=True)
class Source:
    """A sheet and what is known of the file around it."""

    sheet: Sheet
    header: tuple[str, ...]
    delimiter: str
    encoding: str | None = None
    quote: str = '"'
    escape: str | None = None
    header_rows: int = 1

    @property
    def signature(self) -> str:
        dated = [column.position for column in self.sheet.of_kind("date")]
        return signature(self.header, self.delimiter, len(self.sheet.columns), dated)


@dataclass(frozen=True)
class Gathered:
    """What was seen of a file so far. `layout` decides; where it asks, more of the file may still answer."""

    account: Account
    options: Options
    former: Layout | None
    draft: Layout
    seen: tuple[SeenColumn, ...]
    questions: tuple[Question, ...]
    evidence: Evidence

    def with_sheet(self, source: Source) -> "Gathered":
        """With the evidence of the file's next piece, whose columns are what the first piece's are."""
        return replace(self, evidence=self.evidence + self.of(source.sheet))

    def of(self, sheet: Sheet) -> Evidence:
        return evidence.gather(
            sheet,
            self.draft.columns,
            exponent(self.account.currency),
            self.former,
            mark=self.options.decimal_mark,
            order=self.options.date_order,
        )

    def layout(self) -> Layout:
        """The layout by all that was gathered. Raises NeedsAnswer with all that has to be asked, and refusals."""
        return _Decision(self).layout()

    @property
    def open(self) -> frozenset[str]:
        """The fields that would be asked now; the next piece may decide them."""
        try:
            self.layout()
        except NeedsAnswer as asking:
            return frozenset(question.field for question in asking.questions)
        return frozenset()


def infer(source: Source, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Layout:
    """The layout of this file. Raises NeedsAnswer with all that has to be asked, OtherCurrency, MappingDoesNotFit."""
    return gather(source, account, options, saved).layout()


def gather(source: Source, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Gathered:
    """The roles of a file's columns and the evidence in its first piece."""
    former = next((layout for layout in saved if layout.signature == source.signature), None)
    roles = _roles(source, account, options, former)
    draft = Layout(
        signature=source.signature,
        delimiter=source.delimiter,
        quote=source.quote,
        escape=source.escape,
        encoding=source.encoding,
        skip_rows=former.skip_rows if former else None,
        header_rows=source.header_rows,
        header=source.header,
        columns={role: tuple(column.position for column in columns) for role, columns in roles.columns.items()},
        flag_words=former.flag_words if former else {},
        pending_words=former.pending_words if former else (),
    )
    gathered = Gathered(
        account, options, former, draft, _columns_seen(source.sheet, roles), tuple(roles.questions), Evidence()
    )
    return replace(gathered, evidence=gathered.of(source.sheet))


def _roles(source: Source, account: Account, options: Options, former: Layout | None) -> Assignment:
    sheet = source.sheet
    if former is None or options.mapping:
        return assign(sheet, has_header=bool(source.header), currency=account.currency, options=options)
    columns = {
        role: [sheet.column(position) for position in positions if position <= len(sheet.columns)]
        for role, positions in former.columns.items()
    }
    return Assignment(columns)


def _columns_seen(sheet: Sheet, roles: Assignment) -> tuple[SeenColumn, ...]:
    role_of = {column.position: role.value for role, columns in roles.columns.items() for column in columns}
    return tuple(
        SeenColumn(column.position, column.name, role_of.get(column.position), tuple(column.sample[:3]))
        for column in sheet.columns
    )


class _Decision:
    """One file's decisions; each may add a question."""

    def __init__(self, gathered: Gathered) -> None:
        self.gathered, self.evidence = gathered, gathered.evidence
        self.account, self.options, self.former = gathered.account, gathered.options, gathered.former
        self.columns = gathered.draft.columns
        self.questions = list(gathered.questions)

    def layout(self) -> Layout:
        mark = self._decimal_mark()
        order = self._date_order(mark)
        fees = self._fees(mark, order)
        decided = self.gathered.draft.model_copy(
            update={"date_order": order, "decimal_mark": mark, "fees_are": fees, **self._signs(mark, order, fees)}
        )
        self._check_account()
        self._check_currency(mark)
        if self.questions:
            raise NeedsAnswer(
                tuple(sorted(self.questions, key=_place)), self.gathered.seen, decided.model_dump(mode="json")
            )
        if Role.DATE not in self.columns or not self._money_roles():
            raise MappingDoesNotFit if self.options.mapping else NoTransactions
        return decided

    def _name(self, role: Role) -> str:
        return self.gathered.seen[self.columns[role][0] - 1].name

    def _money_roles(self) -> list[Role]:
        return [role for role in MONEY_ROLES[:3] if self.columns.get(role)]

    def _decimal_mark(self) -> DecimalMark | None:
        if self.options.decimal_mark:
            return self.options.decimal_mark
        found = self.evidence.marks.judged(exponent(self.account.currency))
        if found.needed and found.decided is None:
            found = replace(found, decided=self._proven_mark())
        kept = self.former.decimal_mark if self.former else None
        if kept and not found.contradicts and found.decided in (None, kept):
            return kept
        if found.contradicts or (found.needed and found.decided is None) or (kept and found.decided):
            names = ", ".join(f"'{self._name(role)}'" for role in MONEY_ROLES if self.columns.get(role))
            self.questions.append(
                Question("decimal_mark", f"Which mark stands before the decimals in {names}?", (".", ","))
            )
        return found.decided

    def _proven_mark(self) -> DecimalMark | None:
        """The only mark with which every balance follows from the amounts."""
        whole = [
            mark
            for mark, money in self.evidence.money.items()
            if any(held.along(signs.BOTH_WAYS).is_whole for held in (money.plain, money.directed))
        ]
        return whole[0] if len(whole) == 1 else None

    def _date_order(self, mark: DecimalMark | None) -> DateOrder | None:
        if Role.DATE not in self.columns or self.options.date_order:
            return self.options.date_order
        found = dates.judged(self.evidence.dates)
        if found.needed and found.decided is None and not found.contradicts:
            both = dates.judged(self.evidence.dates | self.evidence.other_dates)
            other = both.decided if not both.contradicts else None
            found = replace(found, decided=other or self._proven_order(found.possible, mark))
        kept = self.former.date_order if self.former else None
        if kept and not found.contradicts and found.decided in (None, kept):
            return kept
        if found.contradicts or (found.needed and found.decided is None) or (kept and found.decided):
            self._ask_date_order(found.possible, kept)
        return found.decided

    def _proven_order(self, possible: Sequence[DateOrder], mark: DecimalMark | None) -> DateOrder | None:
        """The only order in which the days go where the balances go."""
        money = self._money(mark)
        held = money.directed if money.directed.down.steps else money.plain
        if held.down.is_whole == held.up.is_whole:
            return None
        days = {order: self.evidence.days[order] for order in possible if order in self.evidence.days}
        fits = [order for order, one in days.items() if (one.rises if held.down.is_whole else one.falls)]
        return fits[0] if len(fits) == 1 and days[fits[0]].different >= TELLING_DAYS else None

    def _ask_date_order(self, possible: tuple[DateOrder, ...], kept: DateOrder | None) -> None:
        why = "is read differently than this account's files before" if kept else "can be read in two ways"
        what = "does the day, the month or the year come first" if "ymd" in possible else "does the day or the month"
        question = f"The column '{self._name(Role.DATE)}' {why}: {what}{'' if 'ymd' in possible else ' come first'}?"
        choices = tuple(possible) if len(possible) > 1 else ("dmy", "mdy")
        self.questions.append(Question("date_order", question, choices))

    def _money(self, mark: DecimalMark | None) -> Money:
        return self.evidence.money.get(mark or ".") or next(iter(self.evidence.money.values()), Money())

    def _fees(self, mark: DecimalMark | None, order: DateOrder | None) -> Fees | None:
        """Whether fees were paid besides: more balances follow with them than without, or one stands alone."""
        kept = self.former.fees_are if self.former else None
        money, ways = self._money(mark), self._ways(order)
        if self.options.fees_are or not money.has_fees:
            return self.options.fees_are or kept
        bare = money.directed if money.directed.down.steps else money.plain
        within, apart = bare.along(ways).as_in, money.with_fees.along(ways).as_in
        proven: Fees | None = None
        if within != apart and self.account.kind not in signs.OWED:
            proven = "apart" if apart > within else "within"
        elif money.has_bare_fees:
            proven = "apart"
        if (proven is None and kept is None) or (kept and proven not in (None, kept)):
            question = f"The fees in '{self._name(Role.FEE)}': were they paid apart from the amount, or within it?"
            self.questions.append(Question("fees_are", question, ("apart", "within")))
        return proven or kept

    def _ways(self, order: DateOrder | None) -> tuple[bool, ...]:
        found = self.evidence.days.get(order or "dmy")
        return found.ways if found and (order or not self.evidence.dates) else signs.BOTH_WAYS

    def _signs(self, mark: DecimalMark | None, order: DateOrder | None, fees: Fees | None) -> dict[str, object]:
        money, ways = self._money(mark), self._ways(order)
        if fees == "apart" and money.has_fees:
            proof = money.with_fees
            money = replace(money, plain=proof, directed=proof if money.directed.down.steps else money.directed)
        if self.columns.get(Role.DEBIT) or self.columns.get(Role.CREDIT):
            return self._sides(money, ways)
        if not self.columns.get(Role.AMOUNT):
            return {}
        if money.flags_hold:
            name = self._name(Role.FLAG if Role.FLAG in self.columns else Role.AMOUNT)
            question = f"An amount that '{name}' marks as a credit: did money come in or go out?"
            reverse = self._are_reversed(money, ways, question, "out")
            return {
                "unflagged_is": signs.unflagged(money.kinds, self._kept("unflagged_is")),
                "sides_are_reversed": reverse,
            }
        convention = None if money.has_flags else signs.by_convention(money.below, money.above, self.account.kind)
        return {"positive_is": self._positive_is(money, ways, convention)}

    def _sides(self, money: Money, ways: tuple[bool, ...]) -> dict[str, object]:
        role = Role.DEBIT if self.columns.get(Role.DEBIT) else Role.CREDIT
        question = f"An amount above zero in the {role} column '{self._name(role)}': did money come in or go out?"
        answer: Direction = "in" if role is Role.DEBIT else "out"
        if money.debit_below and money.debit_above:
            return {"debits_are": self._debits(money, question)}
        credits_are = self._credits(money, ways)
        if credits_are == "negative":
            return {"debits_are": self._debits(money, question), "credits_are": credits_are}
        reverse = self._are_reversed(money, ways, question, answer)
        return {
            "debits_are": "positive" if reverse else self._debits(money, question),
            "credits_are": credits_are,
            "sides_are_reversed": reverse,
        }

    def _credits(self, money: Money, ways: tuple[bool, ...]) -> Literal["positive", "negative"] | None:
        """A credit column that is always below zero, beside debits that never are, writes how much less is owed."""
        kept = self.former.credits_are if self.former else None
        if not money.credit_below and (kept is None or not money.credit_above):
            return kept
        as_is, mirrored = money.directed.along(ways).as_in, money.mirrored.along(ways).as_in
        if as_is != mirrored and self.account.kind not in signs.OWED:
            return "positive" if as_is > mirrored else "negative"
        if money.credit_above and kept is None:
            return None
        if self.options.positive_is:
            return "negative" if self.options.positive_is == "out" else "positive"
        usual = money.debit_above and not money.debit_below
        if (money.credit_above and kept == "negative") or (kept is None and not usual):
            name = self._name(Role.CREDIT)
            question = f"An amount above zero in the credit column '{name}': did money come in or go out?"
            self.questions.append(Question("positive_is", question, ("in", "out")))
        return kept or "negative"

    def _are_reversed(self, money: Money, ways: tuple[bool, ...], question: str, reversing: Direction) -> bool:
        """Whether words mean their opposite, which only a balance that contradicts them can make us ask."""
        kept = self.former.sides_are_reversed if self.former else False
        proven = None if self.account.kind in signs.OWED else money.directed.direction(ways)
        if proven is None or (proven == "out") == kept:
            return kept
        if self.options.positive_is is None:
            self.questions.append(Question("positive_is", f"{question} The balance says the opposite.", ("in", "out")))
        return proven == "out" and self.options.positive_is == reversing

    def _debits(self, money: Money, question: str) -> str | None:
        if self.options.positive_is:
            return "positive" if self.options.positive_is == "out" or not money.debit_below else "negative"
        kept = self.former.debits_are if self.former else None
        if kept:
            return kept
        if money.debit_below and money.debit_above:
            self.questions.append(Question("positive_is", question, ("in", "out")))
        return "negative" if money.debit_below else "positive"

    def _kept(self, name: str) -> Direction | None:
        return getattr(self.former, name) if self.former else None

    def _positive_is(self, money: Money, ways: tuple[bool, ...], convention: Direction | None) -> Direction | None:
        if self.options.positive_is:
            return self.options.positive_is
        proven = None if self.account.kind in signs.OWED else money.plain.direction(ways)
        kept = self._kept("positive_is") or self._kept("unflagged_is")
        if kept and proven in (None, kept):
            return kept
        decided = proven or convention
        if (kept and proven) or decided is None:
            question = f"An amount above zero in '{self._name(Role.AMOUNT)}': did money come in or go out?"
            self.questions.append(Question("positive_is", question + _broken(money, ways), ("in", "out")))
        return decided

    def _check_account(self) -> None:
        """A file that names another account is refused; of several accounts, one has to be this one."""
        numbers = {cell.replace(" ", "") for cell in self.evidence.numbers}
        own = (self.account.number or "").replace(" ", "")
        if not numbers or own in numbers:
            return
        if len(numbers) > 1:
            raise SeveralAccounts
        if IBAN.fullmatch(own):
            raise OtherAccount

    def _check_currency(self, mark: DecimalMark | None) -> None:
        """A file of another currency is refused; single rows of another are quarantined when lines are made."""
        own = self.account.currency
        names = [self.gathered.seen[place - 1].name for role in self._money_roles() for place in self.columns[role]]
        named = {code for name in names if (code := currency_of(name))}
        codes = self.evidence.currencies
        foreign = any(not amounts.symbol_allows(symbol, own) for symbol in self._money(mark).symbols)
        absent = bool(codes) and not any(amounts.means(code, own) for code in codes)
        if self.options.currency not in (None, own) or named - {own} or absent or foreign:
            raise OtherCurrency


def _place(question: Question) -> int:
    """Columns are asked about first: the other answers depend on them."""
    fields = ("date_order", "decimal_mark", "positive_is")
    return fields.index(question.field) + 1 if question.field in fields else 0


def _broken(money: Money, ways: tuple[bool, ...]) -> str:
    """Where the balances follow from most amounts, and not from some: in which lines."""
    held = money.plain.along(ways)
    best, lines = max((held.as_in, held.broken_in), (held.as_out, held.broken_out))
    if not lines or best * 2 < held.steps or held.as_in == held.as_out:
        return ""
    return f" The balance does not follow from the amounts in line {', '.join(map(str, lines))}."
