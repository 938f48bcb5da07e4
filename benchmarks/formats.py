"""How fast bank messages are read: MT940, camt.053 and OFX of 100,000 entries each, in a process of its own.

    python -m benchmarks.formats

The mark (2 cores): at least 10,000 entries/s each, from the file's bytes to its lines; all the work of reading, none
of the database. `cpu` is the same by the process's own time, which other work on the machine moves less.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ENTRIES = 100_000
ACCOUNT, OTHER = "DE89370400440532013000", "DE02120300000000202051"
SHOPS = ("BAKERY AT THE TOWN HALL", "SUPERMARKET 4711", "FILLING STATION NORTH", "RAILWAY TICKETS ONLINE")


def mt940(count: int) -> str:
    entries = (
        f":61:2001{number % 28 + 1:02}01{number % 28 + 1:02}DR{_amount(number)}NTRFNONREF//{number:016}\r\n"
        f":86:166?00CARD PAYMENT?109310?20EREF+{number:020}?21SVWZ+Invoice {number} of Ja\r\n"
        f"nuary?30COBADEFFXXX?31{OTHER}?32{SHOPS[number % 4]}\r\n"
        for number in range(count)
    )
    head = f":20:STATEMENT\r\n:25:{ACCOUNT}\r\n:28C:1/1\r\n:60F:C191231EUR0,00\r\n"
    return f"{head}{''.join(entries)}:62F:D200131EUR{_total(count)}\r\n-\r\n"


def camt(count: int) -> str:
    entries = "".join(_camt_entry(number) for number in range(count))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">\n'
        f"<BkToCstmrStmt><Stmt><Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n{entries}"
        "</Stmt></BkToCstmrStmt></Document>\n"
    )


def ofx(count: int) -> str:
    entries = "".join(
        f"<STMTTRN>\n<TRNTYPE>POS\n<DTPOSTED>202001{number % 28 + 1:02}120000.000[-5:EST]\n<DTUSER>20200101\n"
        f"<TRNAMT>-{_amount(number).replace(',', '.')}\n<FITID>{number:016}\n<NAME>{SHOPS[number % 4]}\n"
        f"<MEMO>Invoice {number} of January\n</STMTTRN>\n"
        for number in range(count)
    )
    return (
        "OFXHEADER:100\nDATA:OFXSGML\nCHARSET:1252\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR\n"
        f"<BANKACCTFROM><ACCTID>{ACCOUNT}</BANKACCTFROM><BANKTRANLIST>\n{entries}</BANKTRANLIST></STMTRS></STMTTRNRS>"
        "</BANKMSGSRSV1></OFX>\n"
    )


def _camt_entry(number: int) -> str:
    """Some forty elements, as German banks write a SEPA payment."""
    amount, day = _amount(number).replace(",", "."), f"2020-01-{number % 28 + 1:02}"
    return f"""
<Ntry>
  <Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
  <BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>
  <AcctSvcrRef>{number:016}</AcctSvcrRef>
  <BkTxCd>
    <Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>
    <Prtry><Cd>NTRF+116</Cd><Issr>DK</Issr></Prtry>
  </BkTxCd>
  <NtryDtls><TxDtls>
    <Refs><EndToEndId>{number:020}</EndToEndId></Refs>
    <AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>
    <RltdPties>
      <Dbtr><Nm>BRIGHT BIKES</Nm></Dbtr><DbtrAcct><Id><IBAN>{ACCOUNT}</IBAN></Id></DbtrAcct>
      <Cdtr><Nm>{SHOPS[number % 4]}</Nm></Cdtr><CdtrAcct><Id><IBAN>{OTHER}</IBAN></Id></CdtrAcct>
    </RltdPties>
    <RltdAgts><CdtrAgt><FinInstnId><BIC>COBADEFFXXX</BIC></FinInstnId></CdtrAgt></RltdAgts>
    <RmtInf><Ustrd>Invoice {number} of January</Ustrd></RmtInf>
  </TxDtls></NtryDtls>
</Ntry>"""


def _amount(number: int) -> str:
    return f"{number % 90 + 1},{number % 100:02}"


def _total(count: int) -> str:
    minor = sum((number % 90 + 1) * 100 + number % 100 for number in range(count))
    return f"{minor // 100},{minor % 100:02}"


WRITERS: dict[str, Callable[[int], str]] = {"mt940": mt940, "camt": camt, "ofx": ofx}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as folder:
        for name, write in WRITERS.items():
            path = Path(folder) / name
            path.write_text(write(ENTRIES), newline="")
            command = [sys.executable, "-m", "benchmarks.formats", str(path)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            print(name, f"{path.stat().st_size / 1e6:.0f} MB", done.stdout.strip())
            path.unlink()


def measure(path: Path) -> None:
    """Read it once. What Python has to import for the first file is no part of the figure."""
    import pandas as pd  # noqa: F401 - Arrow imports it with its first list of values

    from ai2.ingest.lines import Account
    from ai2.ingest.read import statements

    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    started, busy = time.perf_counter(), time.process_time()
    with path.open("rb") as opened:
        [found] = statements(opened, path.name, Account("EUR", number=ACCOUNT))
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - busy
    assert (len(found.lines), found.rejected, found.outside["unproven"]) == (ENTRIES, (), 0)
    figures = {"wall_s": wall_s, "cpu_s": cpu_s, "entries_per_s": ENTRIES / wall_s, "per_cpu_s": ENTRIES / cpu_s}
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    rounded = {name: round(figure, 1 if figure < 100 else None) for name, figure in figures.items()}
    print(json.dumps({**rounded, "memory_mb": [before_mb, peak_mb]}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        main()
