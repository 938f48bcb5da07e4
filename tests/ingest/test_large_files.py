"""Large files are read in sheets and staged in pieces: what comes of them is what comes of the whole."""

import io
import random
from pathlib import Path

import pytest

from ai2.ingest.formats.delimited import sheets, spool
from ai2.ingest.layout.model import Options
from ai2.ingest.lines import Account, Statement
from ai2.ingest.loading import staging
from ai2.ingest.problems import NeedsAnswer
from ai2.ingest.read import statements
from ai2.kit.ids import new_id

GBP = Account("GBP")


def read(text: str, **options: str) -> Statement:
    [found] = statements(io.BytesIO(text.encode()), "large.csv", GBP, Options(**options))  # type: ignore[arg-type]
    return found


def written(rows: int, seed: int, *, quoted: bool) -> str:
    """A statement with odd rows among the others, and a footer; where `quoted`, some rows are two lines."""
    chance = random.Random(seed)
    text = ["My Bank\n", "Date,Description,Amount,Balance\n"]
    for number in range(rows):
        day = f"{number % 28 + 1:02}/{number // 28 % 12 + 1:02}/2024"
        amount = f"{chance.randrange(-99999, 9999) / 100:.2f}"
        if number % 37 == 5:
            amount = "n/a"
        if number % 53 == 7:
            day = "31/02/2024"
        name = f'"Shop,\n{number % 9}"' if quoted and number % 11 == 3 else f"Shop {number % 9}"
        text.append(f"{day},{name},{amount},\n")
    return "".join([*text, "Total,,,\n", "\n"])


@pytest.fixture
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "SHEET_ROWS", 64)
    monkeypatch.setattr(sheets, "BLOCK_BYTES", 2000)


@pytest.mark.parametrize("quoted", [False, True])
def test_sheets_give_what_the_whole_gives(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, quoted: bool
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    text = written(1500, seed, quoted=quoted)
    whole = read(text, positive_is="in")
    request.getfixturevalue("small_sheets")
    in_sheets = read(text, positive_is="in")
    assert len(in_sheets.lines) > 1000
    assert in_sheets.lines.to_pylist() == whole.lines.to_pylist()
    assert in_sheets.rejected == whole.rejected
    assert in_sheets.outside == whole.outside
    assert (in_sheets.layout, in_sheets.last_line) == (whole.layout, whole.last_line)


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("rows", range(60, 70))
def test_a_footer_is_one_wherever_a_sheet_ends(small_sheets: None, rows: int, quoted: bool) -> None:
    assert read(written(rows, 44, quoted=quoted), positive_is="in").outside["footer"] == 1


class TestDecidedOverAllSheets:
    def rows(self, *days: str) -> str:
        body = "".join(f"{day},Shop,-1.00\n" for day in days)
        return f"Date,Description,Amount\n{body}"

    def test_by_the_only_sheet_that_tells(self, small_sheets: None) -> None:
        text = self.rows(*["03/04/2024"] * 500, "25/04/2024", *["05/04/2024"] * 500)
        days = set(read(text).lines["booked_on"].cast("string").to_pylist())
        assert days == {"2024-04-03", "2024-04-25", "2024-04-05"}

    @pytest.mark.parametrize("last", ["03/04/2024", "04/25/2024"], ids=["never told", "contradicted"])
    def test_or_asked(self, small_sheets: None, last: str) -> None:
        contradicting = ["25/04/2024"] if last == "04/25/2024" else []
        with pytest.raises(NeedsAnswer):
            read(self.rows(*contradicting, *["03/04/2024"] * 500, last))


def test_the_spool_leaves_nothing_behind(small_sheets: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool.tempfile, "tempdir", str(tmp_path))
    found = read(written(1500, 1, quoted=False), positive_is="in")
    assert list(tmp_path.iterdir()) == []
    assert found.lines["description"].to_pylist()


def test_pieces_are_staged_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    found, account_id = read(written(1500, 2, quoted=True), positive_is="in"), new_id()
    [file] = staging.files([found])

    def staged() -> list[list[str]]:
        text = b"".join(staging.pieces(file, account_id, "GBP")).decode()
        # all but the ids, which are new each time
        return [row.split(",")[:2] + row.split(",")[3:] for row in text.splitlines()]

    whole = staged()
    monkeypatch.setattr(staging, "PIECE_ROWS", 100)
    assert staged() == whole


def test_rows_are_staged_in_the_order_of_their_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"2024-01-{day:02},Shop {day},-1.00\n" for day in (3, 1, 2, 1))
    [file] = staging.files([read(f"Date,Description,Amount\n{rows}", positive_is="in")])

    def staged() -> list[tuple[str, str]]:
        text = b"".join(staging.pieces(file, new_id(), "GBP")).decode()
        return [(row.split(",")[4], row.split(",")[1]) for row in text.splitlines()]

    in_order = [("2024-01-01", "3"), ("2024-01-01", "5"), ("2024-01-02", "4"), ("2024-01-03", "2")]
    assert staged() == in_order
    monkeypatch.setattr(staging, "SORTED_ROWS", 3)
    assert sorted(staged()) == in_order
