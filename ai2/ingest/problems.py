"""Why a file is not imported: each refusal says what to do next."""

from dataclasses import asdict, dataclass

from ai2.kit.errors import Conflict, Invalid, NotFound, TooLarge, Unreadable


class EmptyFile(Unreadable):
    """The file holds nothing."""


class NotText(Unreadable):
    """This is not a statement file; export it from the bank as CSV or OFX."""


class UnknownFormat(Unreadable):
    """This format is not read yet; export the statement as CSV or OFX."""


class NoTransactions(Unreadable):
    """No row with a date and an amount was found; check that this is the statement itself."""


class TooManyColumns(Unreadable):
    """The file has more columns than any statement; check its delimiter."""


class LineTooLong(Unreadable):
    """The file has a line longer than any statement's; check that it is a statement."""


class DamagedArchive(Unreadable):
    """The archive is damaged or cut off; send it again."""


class NestedArchive(Unreadable):
    """The archive holds another archive; send the statements themselves."""


class EncryptedArchive(Unreadable):
    """The archive is encrypted; send it without a password."""


class EmptyArchive(Unreadable):
    """The archive holds no file."""


class UnsafeArchive(Unreadable):
    """The archive names files outside of itself, or links to others; send the statements themselves."""


class UnusualArchive(Unreadable):
    """The archive is compressed in a way that is not read; make it anew as an ordinary zip."""


class DamagedWorkbook(Unreadable):
    """The workbook is damaged or cut off; open it, save it anew as XLSX, and send that."""


class EncryptedWorkbook(Unreadable):
    """The workbook is protected by a password; save it without one and send that."""


class BrokenJson(Unreadable):
    """The file's JSON is broken off or not well-formed; download it again."""


class ExpandsTooMuch(TooLarge):
    """The archive expands to more than is accepted; send the statements one by one."""


class FileTooLarge(TooLarge):
    """The statement is larger than is read in one piece; send it in parts, a year each, say."""


class UnsafeMarkup(Unreadable):
    """The file declares a document type or entities, which no statement needs; it was not read."""


class BrokenMarkup(Unreadable):
    """The file's tags are never closed; download it again."""


class CutOff(Unreadable):
    """The file ends before its closing record; download it again."""


class BrokenRecords(Unreadable):
    """The file's records do not follow each other as they should; download it again."""


class ControlTotalsDiffer(Unreadable):
    """The file's amounts do not add up to its own control totals, so some were lost or changed; download it again."""


class BankReportsError(Unreadable):
    """The bank put an error message in place of a statement; download it again."""


class NoStatement(Unreadable):
    """The file names no account statement; download transactions, not the list of accounts."""


class SecuritiesTrades(Unreadable):
    """The statement holds securities trades, which are not imported; download the cash account's."""


class SeveralAccounts(Invalid):
    """The file holds several accounts; set the account's number to the one that is meant."""


class OtherAccount(Invalid):
    """The file names another account than the one it is imported into; check the account's number."""


class OtherCurrency(Invalid):
    """The file is in another currency than the account; import it into an account of that currency."""


class MappingDoesNotFit(Invalid):
    """The mapping names a column that the file does not have, or leaves out date or amount."""


class LayoutDoesNotHold(Invalid):
    """The layout is not one that files can be read by; correct the named field."""


class BatchNotFound(NotFound):
    """There is no such import; GET /api/core/imports lists yours."""


class LayoutNotFound(NotFound):
    """The account has no layout of this signature; GET its layouts lists those it has."""


class AccountIsArchived(Conflict):
    """The account is archived and takes no imports."""


@dataclass(frozen=True)
class Question:
    """What the file cannot decide. `field` is the parameter that answers it."""

    field: str
    question: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column as the file has it, so that a person can answer. `position` counts from 1."""

    position: int
    name: str
    role: str | None
    examples: tuple[str, ...] = ()


class NeedsAnswer(Invalid):
    """The file can be read in more than one way; answer the questions and send it again.

    `layout` is what was decided so far: completed and put as the account's layout, it answers as well.
    """

    def __init__(
        self,
        questions: tuple[Question, ...],
        columns: tuple[Column, ...] = (),
        layout: dict[str, object] | None = None,
    ) -> None:
        self.questions, self.columns = questions, columns
        super().__init__(
            " ".join(question.question for question in questions),
            questions=[asdict(question) for question in questions],
            columns=[asdict(column) for column in columns],
            layout=layout,
        )
