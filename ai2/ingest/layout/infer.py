"""Inference: from a sheet to a layout, every decision made over whole columns, every open one asked at once.

A person's options come before the saved layout, and that before what the file says. A file that contradicts its
saved layout is asked about: banks do change their exports.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from ai2.ingest.layout import amounts, casting, dates, signs
from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.dates import DateOrder
from ai2.ingest.layout.model import Direction, Layout, Options, signature
from ai2.ingest.layout.roles import IBAN, Assignment, assign
from ai2.ingest.layout.sheet import Column, Sheet
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

MONEY_ROLES = (Role.AMOUNT, Role.DEBIT, Role.CREDIT, Role.BALANCE)


@dataclass(frozen=True)
class Source:
    """A sheet and what is known of the file around it."""

    sheet: Sheet
    header: tuple[str, ...]
    delimiter: str
    encoding: str | None = None

    @property
    def signature(self) -> str:
        dated = [column.position for column in self.sheet.of_kind("date")]
        return signature(self.header, self.delimiter, len(self.sheet.columns), dated)


def infer(source: Source, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Layout:
    """The layout of this file. Raises NeedsAnswer with all that has to be asked, OtherCurrency, MappingDoesNotFit."""
    former = next((layout for layout in saved if layout.signature == source.signature), None)
    return _Inference(source, account, options, former).layout()


class _Inference:
    """One file's decisions; each may add a question."""

    def __init__(self, source: Source, account: Account, options: Options, former: Layout | None) -> None:
        self.source, self.sheet = source, source.sheet
        self.account, self.options, self.former = account, options, former
        self.roles = self._roles()
        self.questions = list(self.roles.questions)

    def layout(self) -> Layout:
        date_order = self._date_order()
        mark = self._decimal_mark()
        draft = Layout(
            signature=self.source.signature,
            delimiter=self.source.delimiter,
            encoding=self.source.encoding,
            header=self.source.header,
            columns={
                role: tuple(column.position for column in columns) for role, columns in self.roles.columns.items()
            },
            date_order=date_order,
            decimal_mark=mark,
        )
        decided = draft.model_copy(update=self._signs(mark or ".", date_order or "dmy"))
        self._check_account()
        self._check_currency(mark or ".")
        if self.questions:
            raise NeedsAnswer(tuple(self.questions), self._columns_seen(), decided.model_dump(mode="json"))
        if self.roles.one(Role.DATE) is None or not self._money():
            raise MappingDoesNotFit if self.options.mapping else NoTransactions
        return decided

    def _roles(self) -> Assignment:
        if self.former is None or self.options.mapping:
            return assign(
                self.sheet,
                has_header=bool(self.source.header),
                currency=self.account.currency,
                options=self.options,
            )
        columns = {
            role: [self.sheet.column(position) for position in positions if position <= len(self.sheet.columns)]
            for role, positions in self.former.columns.items()
        }
        return Assignment(columns)

    def _money(self) -> list[Column]:
        return [column for role in MONEY_ROLES[:3] for column in self.roles.columns.get(role, [])]

    def _date_order(self) -> DateOrder | None:
        column = self.roles.one(Role.DATE)
        if column is None or self.options.date_order:
            return self.options.date_order
        found = dates.evidence(column.distinct.to_pylist())
        if found.needed and found.decided is None and not found.contradicts:
            # Other dates of the file are written the same way.
            others = [other for other in self.sheet.of_kind("date") if other is not column]
            joint = dates.evidence(cell for other in others for cell in other.distinct.to_pylist())
            found = replace(found, decided=joint.decided)
        kept = self.former.date_order if self.former else None
        if kept and not found.contradicts and found.decided in (None, kept):
            return kept
        if found.contradicts or (found.needed and found.decided is None) or (kept and found.decided):
            self._ask_date_order(column, kept)
        return found.decided

    def _ask_date_order(self, column: Column, kept: DateOrder | None) -> None:
        why = "is read differently than this account's files before" if kept else "can be read in two ways"
        self.questions.append(
            Question(
                "date_order", f"The column '{column.name}' {why}: does the day or the month come first?", ("dmy", "mdy")
            )
        )

    def _decimal_mark(self) -> DecimalMark | None:
        if self.options.decimal_mark:
            return self.options.decimal_mark
        columns = [column for role in MONEY_ROLES for column in self.roles.columns.get(role, [])]
        found = amounts.mark_evidence(cell for column in columns for cell in _telling(column))
        kept = self.former.decimal_mark if self.former else None
        if kept and not found.contradicts and found.decided in (None, kept):
            return kept
        if found.contradicts or (found.needed and found.decided is None) or (kept and found.decided):
            names = ", ".join(f"'{column.name}'" for column in columns)
            self.questions.append(
                Question("decimal_mark", f"Which mark stands before the decimals in {names}?", (".", ","))
            )
        return found.decided

    def _signs(self, mark: DecimalMark, order: DateOrder) -> dict[str, object]:
        if Role.DEBIT in self.roles.columns or Role.CREDIT in self.roles.columns:
            return {"debits_are": self._debits(mark)}
        column = self.roles.one(Role.AMOUNT)
        if column is None:
            return {}
        read = casting.read_amounts(column, mark)
        flags = self._flags(read)
        if flags is not None and signs.flags_agree(read.values, flags):
            return {"unflagged_is": signs.unflagged(flags, self._kept("unflagged_is"))}
        convention = signs.by_convention(read.values) if flags is None else None
        return {"positive_is": self._positive_is(column, read.values, mark, order, convention)}

    def _flags(self, read: casting.Amounts) -> signs.Flags | None:
        column = self.roles.one(Role.FLAG)
        if column is not None:
            return signs.flags_of(column)
        return read.marks if read.marks.any() else None

    def _kept(self, name: str) -> Direction | None:
        return getattr(self.former, name) if self.former else None

    def _positive_is(
        self,
        column: Column,
        values: pa.Array,
        mark: DecimalMark,
        order: DateOrder,
        convention: Direction | None,
    ) -> Direction | None:
        if self.options.positive_is:
            return self.options.positive_is
        proven = self._proven(values, mark, order)
        kept = self._kept("positive_is") or self._kept("unflagged_is")
        if kept and proven in (None, kept):
            return kept
        decided = proven or convention
        if (kept and proven) or decided is None:
            question = f"An amount above zero in '{column.name}': did money come in or go out?"
            self.questions.append(Question("positive_is", question, ("in", "out")))
        return decided

    def _proven(self, values: pa.Array, mark: DecimalMark, order: DateOrder) -> Direction | None:
        balance, day = self.roles.one(Role.BALANCE), self.roles.one(Role.DATE)
        if balance is None or day is None or self.account.kind in signs.OWED:
            return None
        balances = casting.read_amounts(balance, mark).values
        return signs.proof(values, balances, casting.read_dates(day, order).values).direction

    def _debits(self, mark: DecimalMark) -> str | None:
        if self.options.positive_is:
            return "positive" if self.options.positive_is == "out" else "negative"
        kept = self.former.debits_are if self.former else None
        column = self.roles.one(Role.DEBIT)
        if kept or column is None:
            return kept or "positive"
        found = casting.direction(casting.read_amounts(column, mark).values)
        if (found > 0).any() and (found < 0).any():
            question = f"An amount above zero in the debit column '{column.name}': did money come in or go out?"
            self.questions.append(Question("positive_is", question, ("in", "out")))
        return "negative" if (found < 0).any() else "positive"

    def _check_account(self) -> None:
        """A file that names another account is refused; of several accounts, one has to be this one."""
        column = self.roles.one(Role.ACCOUNT)
        numbers = {cell.replace(" ", "") for cell in column.distinct.to_pylist()} if column else set()
        own = (self.account.number or "").replace(" ", "")
        if not numbers or own in numbers:
            return
        if len(numbers) > 1:
            raise SeveralAccounts
        if IBAN.fullmatch(own):
            raise OtherAccount

    def _check_currency(self, mark: DecimalMark) -> None:
        """A file of another currency is refused; single rows of another are quarantined when lines are made."""
        own = self.account.currency
        named = {code for column in self._money() if (code := currency_of(column.name))}
        column = self.roles.one(Role.CURRENCY)
        codes = set(column.distinct.to_pylist()) if column is not None else {own}
        symbols = {symbol for column in self._money() for symbol in casting.read_amounts(column, mark).symbols}
        foreign = any(not amounts.symbol_allows(symbol, own) for symbol in symbols)
        if self.options.currency not in (None, own) or named - {own} or (codes and own not in codes) or foreign:
            raise OtherCurrency

    def _columns_seen(self) -> tuple[SeenColumn, ...]:
        role_of = {column.position: role.value for role, columns in self.roles.columns.items() for column in columns}
        return tuple(
            SeenColumn(column.position, column.name, role_of.get(column.position), tuple(column.sample[:3]))
            for column in self.sheet.columns
        )


def _telling(column: Column) -> list[str]:
    """The cells that may say something of the decimal mark: one of each plain kind, and all the odd ones."""
    cells = column.distinct
    kinds = [
        pc.match_substring_regex(cells, pattern) for pattern in (r"^-?\d+\.\d{1,2}$", r"^-?\d+,\d{1,2}$", r"^-?\d+$")
    ]
    odd = pc.invert(pc.or_(pc.or_(kinds[0], kinds[1]), kinds[2]))
    plain = pa.concat_arrays([cells.filter(kind).slice(0, 1) for kind in kinds])
    return [*plain.to_pylist(), *cells.filter(odd).to_pylist()]
