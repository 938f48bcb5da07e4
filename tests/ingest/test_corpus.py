"""Real banks' files: each reads to the right lines, asks the right question, or is refused with the right reason."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ai2.ingest.layout.model import Options
from ai2.ingest.lines import Account
from ai2.ingest.problems import NeedsAnswer
from ai2.ingest.read import statements
from ai2.kit.errors import Problem
from tests.ingest.reading import lines


@dataclass(frozen=True)
class Case:
    """A file and the account's currency; and lines, rejected rows and the first line, or questions, or a refusal."""

    name: str
    currency: str
    loaded: int = 0
    rejected: int = 0
    first: tuple[str, str, str] | None = None
    asks: frozenset[str] = frozenset()
    refusal: str | None = None
    options: tuple[tuple[str, Any], ...] = ()


HOFER = ("2017-09-18", "-33.87", "HOFER DANKT  0527  K2   18.09. 17:20")
CSV = [
    Case("20171001-20171106.csv", "EUR", 1, 0, ("2017-10-01", "-59.99", "NINTENDO OF EUROPE")),
    Case("2018-04-14_10-52-13_bunq-transactieoverzicht.csv", "EUR", 3, 0, ("2018-03-01", "-2.56", "invoice 410408")),
    Case("2019-03-02_11-50-46_bunq-statement.csv", "EUR", 7, 0),
    Case("20180226-1000594757-umsatz.CSV", "EUR", 1, 0),
    # 10/02/2018, alone in its file: a question, and the answer
    Case("20180226_12345678.csv", "GBP", asks=frozenset({"date_order"})),
    Case(
        "20180226_12345678.csv", "GBP", 1, 0, ("2018-02-10", "-5", "MERCHANT NAME@12:34"),
        options=(("date_order", "dmy"),),
    ),
    # A row of this file lacks its first quotation mark; lines end in CR CR LF.
    Case("CSV_A_20180414_112204.csv", "EUR", 3, 0, ("2018-03-01", "-337.49", "RENTE LENING")),
    # Three rows are pending; credits are marked CR in a column without a name, so the rest is money out.
    Case(
        "MS_JANE_SMITH_01-12-2019_14-12-2019.csv", "GBP", 10, 3,
        ("2019-12-12", "-1183.23", "ROYAL LONDON INSURANCE        01222 61234  GBR"),
    ),
    Case("MonzoDataExport_February2018_2018-02-26_174335.csv", "GBP", 1, 0, ("2018-02-25", "-10", "Tesco")),
    Case("Movements_1234512345_201805271848.csv", "CZK", 1, 0, ("2018-05-27", "-1", "Memo for me test")),
    # The year 1111: made anonymous, and out of range.
    Case("TH_20180101-20180523_page_1.csv", "CZK", 0, 9),
    Case("TH_20180101-20180523_strana_1.csv", "CZK", 0, 9),
    Case("TH_20180521-20180523.csv", "CZK", 0, 1),
    # The description goes on in the next line.
    Case(
        "TransactionHistory_20180418043121.csv", "SGD", 8, 0,
        ("2018-04-18", "-6.66", "DEBIT PURCHASE  15/04/18  66-6666 UBER EATS AN2GO HELP.UBERh"),
    ),
    Case("Umsaetze_KtoNr538917600_EUR_02-03-2018_1503.CSV", "EUR", asks=frozenset({"date_order"})),
    Case("W80844_EBH_201945.202122.csv", "HUF", 2, 0, ("2019-04-19", "-350", "payee")),
    Case("W80844_EBH_201945.202122.csv", "EUR", refusal="other_currency"),
    Case("dba33fceecd62c3c727893361e0ba4d3.P000000027355791.csv", "SGD", asks=frozenset({"positive_is"})),
    Case("export_BE11123456789012_20180304_1422.csv", "EUR", 1, 0),
    Case(
        "export_KBC-Mastercard Business Essential_20200204_1604.csv", "EUR", 3, 0, ("2020-02-03", "-16.52", "More info")
    ),
    Case("kta_ei.dat", "EUR", 11, 0, ("2019-03-11", "-89.3", "POS 6,49 AT K1 09.03. 09:53")),
    Case("statement_1.csv", "GBP", asks=frozenset({"positive_is"})),
    Case("test_BOI_TransactionExport.csv", "EUR", 27, 0, ("2017-09-01", "428.03", "Random Name      GP")),
    Case("test_delimiter_tab.csv", "EUR", asks=frozenset({"mapping.debit", "mapping.credit"})),
    Case("test_headers.csv", "EUR", 73, 1, HOFER),
    Case("test_raiffeisen_01.csv", "EUR", 73, 1, HOFER),
    Case("test_row_format_CD_flag.csv", "EUR", 70, 4, HOFER),
    Case("test_row_format_default.csv", "EUR", asks=frozenset({"mapping.debit", "mapping.credit"})),
    Case(
        "test_row_format_default.csv", "EUR", 73, 1, HOFER,
        options=(("mapping", {"credit": 4, "debit": 5}),),
    ),
    Case("test_row_format_neg_inflow.csv", "EUR", 73, 1, HOFER),
    Case("test_swedebank_statement.xls", "EUR", refusal="other_currency"),
    Case("umsatz-1234________1234-20180227.CSV", "EUR", 1, 0),
]  # fmt: skip
OFX = [
    Case("account_listing_aggregation.ofx", "USD", refusal="no_statement"),
    Case("anzcc.ofx", "AUD", 1, 0, ("2017-05-08", "-5.5", "SOME MEMO")),
    Case("anzcc.ofx", "GBP", refusal="other_currency"),
    Case("bank_medium.ofx", "CAD", 3, 0),
    Case("bank_small.ofx", "USD", refusal="no_statement"),
    Case("checking.ofx", "USD", 3, 0),
    Case("error_message.ofx", "USD", refusal="bank_reports_error"),
    # Money market shares: four decimals of a dollar are no amount of dollars.
    Case("fidelity-savings.ofx", "USD", 1, 3, ("2012-07-20", "-1500", "Check Paid #0000001001")),
    Case("fidelity.ofx", "USD", refusal="securities_trades"),
    Case("investment_401k.ofx", "USD", refusal="securities_trades"),
    # A Canadian account whose amounts are said to be in dollars of the United States.
    Case("investment_medium.ofx", "CAD", 0, 3),
    Case("multiple_accounts.ofx", "USD", refusal="several_accounts"),
    Case("multiple_accounts2.ofx", "USD", refusal="several_accounts"),
    Case("ofx-v102-empty-tags.ofx", "AUD", 1, 0, ("2018-05-07", "12.34", "CBA:Transfer")),
    Case("signon_fail.ofx", "USD", refusal="bank_reports_error"),
    Case("signon_success.ofx", "USD", refusal="no_statement"),
    Case("signon_success_no_message.ofx", "USD", refusal="no_statement"),
    Case("suncorp.ofx", "AUD", 1, 0),
    Case("td_ameritrade.ofx", "USD", 0, 0),
    Case("tiaacref.ofx", "USD", refusal="securities_trades"),
    Case("vanguard.ofx", "USD", refusal="securities_trades"),
    Case("vanguard401k.ofx", "USD", refusal="securities_trades"),
    Case("fail_nice/date_missing.ofx", "USD", 0, 3),
    Case("fail_nice/decimal_error.ofx", "CAD", 0, 1),
    Case("fail_nice/empty_balance.ofx", "CAD", 1, 0, ("2011-03-08", "120", "Foobar")),
]


class TestCorpus:
    @pytest.mark.parametrize("case", CSV, ids=lambda case: f"{case.name}-{case.currency}")
    def test_csv(self, data: Path, case: Case) -> None:
        _hold(data / "statements" / "csv" / case.name, case)

    @pytest.mark.parametrize("case", OFX, ids=lambda case: f"{case.name}-{case.currency}")
    def test_ofx(self, data: Path, case: Case) -> None:
        _hold(data / "statements" / "ofx" / case.name, case)

    def test_every_file_is_covered(self, data: Path) -> None:
        folder = data / "statements"
        found = {str(path.relative_to(folder / "ofx")) for path in (folder / "ofx").rglob("*.ofx")}
        assert found == {case.name for case in OFX}
        tables = {path.name for path in (folder / "csv").iterdir() if path.suffix.lower() in (".csv", ".dat", ".xls")}
        same = {"test_raiffeisen_02.csv", "test_regex_123456_87654321_1234_21_12.csv"}  # as test_raiffeisen_01.csv
        assert tables - same == {case.name for case in CSV}


def _hold(path: Path, case: Case) -> None:
    def read_it() -> Any:
        with path.open("rb") as opened:
            [found] = statements(opened, path.name, Account(case.currency), Options(**dict(case.options)))
            return found

    if case.asks:
        with pytest.raises(NeedsAnswer) as asking:
            read_it()
        assert {question.field for question in asking.value.questions} == case.asks
    elif case.refusal:
        with pytest.raises(Problem) as refusal:
            read_it()
        assert refusal.value.code == case.refusal
    else:
        found = read_it()
        assert (len(found.lines), len(found.rejected)) == (case.loaded, case.rejected)
        assert case.first is None or lines(found)[0] == case.first
