"""Balance sheet: what is held and what is owed at the end of a day, and where it came from."""

from ai2.reports.definitions.given import Account, Definition, Given, heading, total
from ai2.reports.ledger.repository import By
from ai2.reports.model import Line, Where


def lines(given: Given) -> list[Line]:
    """Assets less liabilities are equity: its last line is what rates changed, and nothing in one currency."""
    used = {place.account_id for place in given.facts.sums if place.account_id}
    known = sorted(
        (given.accounts[each] for each in used), key=lambda each: (each.name.casefold(), str(each.account_id))
    )
    assets = [_account(each, 1) for each in known if not each.is_owed]
    owed = [_account(each, -1) for each in known if each.is_owed]
    opening = Line(key="opening", label="Opening balances", depth=1, where=_all("opening"))
    earned = Line(key="earned", label="Income less expenses so far", depth=1, where=_all("income", "expense"))
    between = Line(key="transfer", label="Transfers without their other side", depth=1, where=_all("transfer"))
    sources = [opening, earned, between]
    exchange = Line(
        key="exchange", label="Exchange differences", kind="subtotal", depth=1,
        total_of=(*((1, line.key) for line in assets), *((-1, line.key) for line in [*owed, *sources])),
    )  # fmt: skip
    equity = Line(
        key="equity", label="Total equity", kind="total", total_of=tuple((1, line.key) for line in [*sources, exchange])
    )
    return [
        heading("assets-heading", "Assets"), *assets, total("assets", "Total assets", assets),
        heading("liabilities-heading", "Liabilities"), *owed, total("liabilities", "Total liabilities", owed),
        total("net", "Assets less liabilities", assets, minus=owed),
        heading("equity-heading", "Equity"), *sources, exchange, equity,
    ]  # fmt: skip


def _account(account: Account, sign: int) -> Line:
    where = Where(sign=sign, sections=("account",), account_id=account.account_id, is_balance=True)
    return Line(key=f"account-{account.account_id}", label=account.name, depth=1, where=where)


def _all(*sections: str) -> Where:
    return Where(sign=-1, sections=sections, is_balance=sections == ("opening",))  # type: ignore[arg-type]


BALANCE_SHEET = Definition("Balance sheet", lines, by=By(category=False), is_balance=True, main="net")
