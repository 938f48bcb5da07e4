"""A layout: everything that was decided about how an account's files are read, to be kept and used again.

It is a value: saved as JSON, edited by people, and enough, with the bytes and the parser's version, to read the
same lines again. What a decision leaves open (none) is decided anew by each file.
"""

import codecs
import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.dates import DateOrder
from ai2.ingest.layout.words import Role, plain

Direction = Literal["in", "out"]
Fees = Literal["apart", "within"]
Position = Annotated[int, Field(ge=1, le=1000)]
PARSER_VERSION = "delimited-1"


class Layout(BaseModel):
    """How a delimited file is read. Columns are named by position, counting from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    signature: str = Field(description="which files it fits: their header, or without one their shape")
    delimiter: str = Field(min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1, description="what cells are wrapped in; empty: nothing")
    escape: str | None = Field(default=None, max_length=1, description="before a quote in a cell; none: it is doubled")
    encoding: str | None = Field(default=None, description="where it is not Unicode")
    skip_rows: int | None = Field(
        default=None, ge=0, le=250, description="rows above the header, or above the first row; none: the words tell"
    )
    header_rows: int = Field(default=1, ge=1, le=5, description="how many rows the header takes")
    header: tuple[str, ...] = Field(default=(), description="the header's cells; none: the file has no header")
    columns: dict[Role, tuple[Position, ...]]
    date_order: DateOrder | None = None
    decimal_mark: DecimalMark | None = None
    positive_is: Direction | None = Field(default=None, description="what an amount without a minus is")
    debits_are: Literal["positive", "negative"] | None = Field(
        default=None, description="how the debit column writes money out"
    )
    unflagged_is: Direction | None = Field(default=None, description="what an amount without its flag is")
    sides_are_reversed: bool = Field(
        default=False, description="debit and credit, or the flags, mean the opposite of their words"
    )
    credits_are: Literal["positive", "negative"] | None = Field(
        default=None, description="how the credit column writes money in"
    )
    fees_are: Fees | None = Field(default=None, description="paid besides the amount, or part of it")
    flag_words: dict[str, Direction] = Field(default_factory=dict, description="what flags mean that are not known")
    pending_words: tuple[str, ...] = Field(default=(), description="what rows say besides that are not booked yet")
    currency: str | None = Field(default=None, description="none: the currency column's, or the account's")

    def position(self, role: Role) -> int | None:
        """The column of a role that has one column."""
        return next(iter(self.columns.get(role, ())), None)


class Options(BaseModel):
    """What the importing person says; it overrides what the file and the saved layout say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mapping: dict[Role, str | int | list[str | int]] | None = Field(
        default=None, description="role to column: its header, or its position counting from 1"
    )
    date_order: DateOrder | None = None
    decimal_mark: DecimalMark | None = None
    positive_is: Direction | None = None
    fees_are: Fees | None = None
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    encoding: str | None = Field(default=None, max_length=40, description="how the file's text is encoded")

    def decides(self) -> bool:
        """Whether a person decided how to read (the currency only says what is expected)."""
        return any(value is not None for name, value in self if name != "currency")

    @field_validator("encoding")
    @classmethod
    def is_known(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                "".encode(name)
        except LookupError:
            raise ValueError("is no encoding that is known here") from None
        return name and codecs.lookup(name).name


def signature(header: tuple[str, ...], delimiter: str, width: int, date_positions: list[int]) -> str:
    """What tells one kind of file from another: the header's words, or the shape of a file without one."""
    if header:
        words = "\x1f".join([delimiter, *map(plain, header)])
        return f"header:{hashlib.blake2b(words.encode(), digest_size=8).hexdigest()}"
    return f"bare:{delimiter}:{width}:{','.join(map(str, date_positions))}"
