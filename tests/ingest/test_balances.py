"""Balances: kept with the batch that states them, proven against the books, and what breaks them found."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.ingest import balances
from ai2.ingest.balances.proof import Proof
from ai2.ingest.balances.suspects import Suspect
from ai2.ingest.mending import undo
from ai2.kit.database import Database
from tests.ingest.conftest import Ask, Import

HEADER = "Date,Description,Amount,Balance\n"
MARCH = [
    "2026-03-02,RENT MARCH,-850.00,1150.00",
    "2026-03-02,COFFEE CORNER,-2.50,1147.50",
    "2026-03-03,SALARY ACME LTD,2000.00,3147.50",
    "2026-03-05,TESCO STORES 3297,-45.27,3102.23",
    "2026-03-05,COFFEE CORNER,-2.50,3099.73",
    "2026-03-09,ELECTRIC COMPANY,-61.00,3038.73",
]
OFX = """OFXHEADER:100
<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>GBP<BANKACCTFROM><ACCTID>12345678</BANKACCTFROM><BANKTRANLIST>
{lines}</BANKTRANLIST><LEDGERBAL><BALAMT>{balance}<DTASOF>{on}</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
Prove = Callable[..., Awaitable[Proof]]
Suspects = Callable[..., Awaitable[list[Suspect]]]


def csv(rows: Sequence[str]) -> str:
    return HEADER + "\n".join(rows) + "\n"


def without_balance(rows: Sequence[str]) -> str:
    return "Date,Description,Amount\n" + "\n".join(row.rsplit(",", 1)[0] for row in rows) + "\n"


def ofx(balance: str, on: str, *rows: tuple[str, str, str]) -> str:
    lines = "".join(
        f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{day}<TRNAMT>{amount}<FITID>{name}{day}<NAME>{name}</STMTTRN>\n"
        for day, amount, name in rows
    )
    return OFX.format(lines=lines, balance=balance, on=on)


@pytest.fixture
def prove(database: Database, organization: Organization, account: Account) -> Prove:
    async def do(of: Account = account) -> Proof:
        async with database.transaction(organization.organization_id) as db:
            return await balances.proof(db, organization.organization_id, of.account_id)

    return do


@pytest.fixture
def suspects(database: Database, organization: Organization, account: Account, prove: Prove) -> Suspects:
    async def do() -> list[Suspect]:
        found = await prove()
        assert found.first_break, found.state
        async with database.transaction(organization.organization_id) as db:
            return await balances.suspects_of(db, organization.organization_id, account.account_id, found.first_break)

    return do


async def ids(ask: Ask, condition: str) -> set[UUID]:
    found = await ask(f"select transaction_id from books.transactions where {condition}")
    return {row["transaction_id"] for row in found}


@pytest.mark.parametrize("way", [1, -1], ids=["oldest first", "newest first"])
async def test_a_files_own_running_balance_proves_it(import_text: Import, prove: Prove, way: int) -> None:
    await import_text(csv(MARCH[::way]))
    found = await prove()
    assert (found.state, found.proven_until, found.opening_is) == ("holds", date(2026, 3, 9), "stated")
    assert all(day.is_proven for day in found.days)
    assert (found.days[0].opening, found.days[-1].closing) == (Decimal(2000), Decimal("3038.73"))


async def test_the_opening_balance_follows_and_the_account_says_so(
    import_text: Import, database: Database, organization: Organization, account: Account
) -> None:
    await import_text(csv(MARCH))
    async with database.transaction(organization.organization_id) as db:
        known = await accounts.get(db, organization.organization_id, account.account_id)
        days = await accounts.balances(db, organization.organization_id, account.account_id)
    assert (known.opening_is, known.anchored_on, known.anchored_balance) == ("stated", date(2026, 3, 1), Decimal(2000))
    assert (known.opening_balance, days[-1].balance) == (0, Decimal("3038.73"))


async def test_an_opening_balance_that_a_person_gave_is_proven_like_the_rest(
    import_text: Import, database: Database, organization: Organization, account: Account, prove: Prove
) -> None:
    async with database.transaction(organization.organization_id) as db:
        given: dict[str, object] = {"opening_balance": Decimal("1999.00")}
        await accounts.update(db, organization.organization_id, account.account_id, given)
    await import_text(csv(MARCH))
    found = await prove()
    assert (found.state, found.opening_is) == ("breaks", "given")
    assert found.first_break
    assert (found.first_break.booked_on, found.first_break.difference) == (date(2026, 3, 2), 1)


async def test_a_removed_row_breaks_its_day_and_is_named(
    import_text: Import, ask: Ask, database: Database, organization: Organization, prove: Prove, suspects: Suspects
) -> None:
    await import_text(csv(MARCH))
    [tesco] = await ids(ask, "amount = -45.27")
    async with database.transaction(organization.organization_id, actor="user:x") as db:
        await transactions.delete(db, organization.organization_id, tesco)
    found = await prove()
    assert found.first_break
    assert found.proven_until == date(2026, 3, 3)
    assert (found.first_break.booked_on, found.first_break.difference) == (date(2026, 3, 5), Decimal("-45.27"))
    [first, *_] = await suspects()
    assert (first.kind, first.transaction_ids, first.lines[0].line_number) == ("missing", (tesco,), 5)


async def test_a_row_that_no_file_has_is_said_to_be_missing(
    import_text: Import, prove: Prove, suspects: Suspects
) -> None:
    await import_text(csv([*MARCH[:3], *MARCH[4:]]))
    found = await prove()
    assert found.first_break
    assert found.first_break.booked_on == date(2026, 3, 5)
    assert [suspect.kind for suspect in await suspects()] == ["missing"]


async def test_days_without_a_file_are_named(import_text: Import, suspects: Suspects) -> None:
    await import_text(csv(MARCH[:2]))
    await import_text(csv(MARCH[5:]))
    [first, *_] = await suspects()
    assert first.kind == "missing"
    assert "2026-03-03 to 2026-03-08" in first.reason


async def test_a_twin_from_another_source_is_named_with_its_pair(
    import_text: Import, ask: Ask, prove: Prove, suspects: Suspects
) -> None:
    await import_text(csv(MARCH))
    await import_text(ofx("3038.73", "20260309", ("20260305", "-45.27", "GROCERIES AND MORE")))
    found = await prove()
    assert found.first_break
    assert found.first_break.difference == Decimal("45.27")
    [first, *_] = await suspects()
    assert (first.kind, set(first.transaction_ids)) == ("twin", await ids(ask, "amount = -45.27"))
    assert first.score > 0.75


async def test_a_turned_sign_is_half_the_difference(
    import_text: Import, ask: Ask, database: Database, organization: Organization, suspects: Suspects
) -> None:
    await import_text(csv(MARCH))
    [electric] = await ids(ask, "amount = -61.00")
    async with database.transaction(organization.organization_id, actor="user:x") as db:
        await transactions.update(db, organization.organization_id, electric, {"amount": Decimal("61.00")})
    found = {suspect.kind: suspect for suspect in await suspects()}
    assert found["sign"].transaction_ids == found["changed"].transaction_ids == (electric,)


async def test_a_sign_turned_in_the_file_itself_is_found(import_text: Import, ask: Ask, suspects: Suspects) -> None:
    await import_text(csv([*MARCH[:3], MARCH[3].replace("-45.27", "45.27"), *MARCH[4:]]))
    [first, *_] = await suspects()
    assert (first.kind, set(first.transaction_ids)) == ("sign", await ids(ask, "amount = 45.27"))


async def test_exchanged_digits_are_found(
    import_text: Import, ask: Ask, database: Database, organization: Organization, suspects: Suspects
) -> None:
    await import_text(csv(MARCH))
    [electric] = await ids(ask, "amount = -61.00")
    async with database.transaction(organization.organization_id, actor="user:x") as db:
        await transactions.update(db, organization.organization_id, electric, {"amount": Decimal("-16.00")})
    found = {suspect.kind: suspect for suspect in await suspects()}
    assert found["digits"].transaction_ids == (electric,)


async def test_a_quarantined_row_of_that_amount_is_named(import_text: Import, suspects: Suspects) -> None:
    await import_text(csv([*MARCH[:3], MARCH[3].replace("2026-03-05", "2026-13-05"), *MARCH[4:]]))
    [first, *_] = await suspects()
    assert (first.kind, first.transaction_ids, first.lines[0].line_number) == ("missing", (), 5)
    assert "quarantined" in first.reason


async def test_a_row_written_by_hand_that_the_bank_does_not_have(
    import_text: Import, database: Database, organization: Organization, account: Account, suspects: Suspects
) -> None:
    await import_text(csv(MARCH))
    async with database.transaction(organization.organization_id) as db:
        new = NewTransaction(
            booked_on=date(2026, 3, 5),
            amount=Decimal("-19.99"),
            currency="GBP",
            description="Book",
            account_id=account.account_id,
        )
        made = await transactions.create(db, organization.organization_id, new)
    [first, *_] = await suspects()
    assert (first.kind, first.transaction_ids) == ("extra", (made.transaction_id,))


async def test_two_rows_together_are_found(
    import_text: Import, ask: Ask, database: Database, organization: Organization, suspects: Suspects
) -> None:
    await import_text(csv(MARCH))
    both = await ids(ask, "booked_on = '2026-03-05'")
    async with database.transaction(organization.organization_id, actor="user:x") as db:
        for one in both:
            await transactions.delete(db, organization.organization_id, one)
    [first, *_] = await suspects()
    assert (first.kind, set(first.transaction_ids)) == ("missing", both)


async def test_a_row_on_the_wrong_day_is_told_from_a_missing_one(
    import_text: Import, ask: Ask, database: Database, organization: Organization, suspects: Suspects
) -> None:
    await import_text(csv(MARCH))
    [tesco] = await ids(ask, "amount = -45.27")
    async with database.transaction(organization.organization_id, actor="user:x") as db:
        await transactions.update(db, organization.organization_id, tesco, {"booked_on": date(2026, 3, 6)})
    kinds = {suspect.kind: suspect.transaction_ids for suspect in await suspects()}
    assert kinds["date"] == kinds["changed"] == (tesco,)


async def test_a_ledger_balance_proves_the_file_before_it(import_text: Import, prove: Prove) -> None:
    await import_text(csv(MARCH))
    await import_text(ofx("3000.00", "20260310", ("20260310", "-38.73", "PHONE")))
    found = await prove()
    assert (found.state, found.proven_until) == ("holds", date(2026, 3, 10))


async def test_statements_of_several_days_in_one_file(import_text: Import, prove: Prove) -> None:
    days = (
        (":20:A\n:25:12345678\n:28C:1\n:60F:C260301GBP100,00\n:61:2603020302D10,00NMSCNONREF\n:86:TEA\n"
         ":62F:C260302GBP90,00\n-\n"),
        (":20:B\n:25:12345678\n:28C:2\n:60F:C260302GBP90,00\n:61:2603030303C5,00NMSCNONREF\n:86:ANN\n"
         ":61:2603030303D2,50NMSCNONREF\n:86:TEA\n:62F:C260303GBP92,50\n-\n"),
    )  # fmt: skip
    await import_text("".join(days))
    found = await prove()
    assert (found.state, found.proven_until, found.anchored_on) == ("holds", date(2026, 3, 3), date(2026, 3, 1))
    assert [day.stated for day in found.days][-2:] == [Decimal("90.00"), Decimal("92.50")]


async def test_a_download_at_noon_is_no_break(import_text: Import, prove: Prove) -> None:
    """The ledger balance of the first file was true when it was written; the afternoon came with the second."""
    await import_text(ofx("90.00", "20260301", ("20260301", "-10.00", "A")))
    await import_text(ofx("80.00", "20260303", ("20260302", "-4.00", "C"), ("20260303", "-6.00", "D")))
    noon = ofx("75.00", "20260304", ("20260304", "-5.00", "E"))
    await import_text(noon)
    await import_text(ofx("70.00", "20260305", ("20260304", "-3.00", "F"), ("20260305", "-2.00", "G")))
    found = await prove()
    assert (found.state, found.proven_until) == ("holds", date(2026, 3, 5))
    assert [day.is_proven for day in found.days] == [None, None, True, None, True]


async def test_a_proof_may_begin_with_a_download_at_noon(import_text: Import, prove: Prove, ask: Ask) -> None:
    await import_text(ofx("90.00", "20260301", ("20260301", "-10.00", "A")))
    await import_text(ofx("80.00", "20260302", ("20260301", "-4.00", "C"), ("20260302", "-6.00", "D")))
    found = await prove()
    assert (found.state, found.anchored_balance, found.days[0].opening) == ("holds", Decimal(86), Decimal(100))
    [account] = await ask("select anchored_balance from books.accounts where anchored_on is not null")
    assert account["anchored_balance"] == 86


async def test_the_newest_statement_counts_and_contradictions_are_shown(import_text: Import, prove: Prove) -> None:
    await import_text(csv(MARCH))
    await import_text(csv([*MARCH[:2], MARCH[2].replace("3147.50", "3147.51"), *MARCH[3:]]))
    day = next(day for day in (await prove()).days if day.booked_on == date(2026, 3, 3))
    assert (day.stated, day.contradicted_by) == (Decimal("3147.51"), (Decimal("3147.50"),))


async def test_overlapping_files_prove_as_one(import_text: Import, prove: Prove) -> None:
    await import_text(csv(MARCH[:4]))
    await import_text(csv(MARCH[2:]))
    found = await prove()
    assert (found.state, found.proven_until) == ("holds", date(2026, 3, 9))


async def test_an_undone_batch_takes_its_balances_away(
    import_text: Import, prove: Prove, database: Database, organization: Organization, ask: Ask
) -> None:
    done = await import_text(csv(MARCH))
    assert done.batch_id
    async with database.transaction(organization.organization_id) as db:
        await undo.undo(db, organization.organization_id, done.batch_id, undone_by="user:x")
    assert await ask("select * from ingest.stated_balances") == []
    found = await prove()
    assert (found.state, found.opening_is, found.days) == ("unproven", "unknown", ())


async def test_a_dry_run_states_nothing(import_text: Import, ask: Ask) -> None:
    await import_text(csv(MARCH), dry_run=True)
    assert await ask("select * from ingest.stated_balances") == []
    assert await ask("select * from books.accounts where anchored_on is not null") == []


async def test_what_nobody_states_is_not_proven(import_text: Import, prove: Prove) -> None:
    await import_text(without_balance(MARCH))
    assert (await prove()).state == "unproven"


async def test_a_card_that_states_what_is_owed(
    database: Database, organization: Organization, import_text: Import, prove: Prove
) -> None:
    async with database.transaction(organization.organization_id) as db:
        card = await accounts.create(db, organization.organization_id, name="Card", currency="GBP", kind="card")
    owed = ["2026-03-02,SHOES,-40.00,140.00", "2026-03-03,HAT,-10.00,150.00", "2026-03-04,PAID,150.00,0.00"]
    await import_text(csv(owed), into=card, positive_is="in")
    found = await prove(card)
    assert (found.state, found.days[0].opening, found.days[-1].closing) == ("holds", Decimal(-100), Decimal(0))


async def test_a_cards_ledger_balance_alone_is_used_once_its_sign_is_proven(
    database: Database, organization: Organization, import_text: Import, prove: Prove
) -> None:
    async with database.transaction(organization.organization_id) as db:
        card = await accounts.create(db, organization.organization_id, name="Card", currency="GBP", kind="card")
    await import_text(ofx("40.00", "20260302", ("20260302", "-40.00", "SHOES")), into=card)
    assert (await prove(card)).opening_is == "unknown"
    await import_text(ofx("50.00", "20260303", ("20260303", "-10.00", "HAT")), into=card)
    found = await prove(card)
    assert (found.state, found.days[0].opening, found.days[-1].closing) == ("holds", Decimal(0), Decimal(-50))


async def test_a_stranger_proves_nothing_of_ours(
    import_text: Import, database: Database, stranger: Organization, account: Account
) -> None:
    await import_text(csv(MARCH))
    async with database.transaction(stranger.organization_id) as theirs:
        with pytest.raises(accounts.AccountNotFound):
            await balances.proof(theirs, stranger.organization_id, account.account_id)


async def test_operators_see_which_accounts_break_and_since_when(
    import_text: Import, pipeline: Database, account: Account, organization: Organization
) -> None:
    async def ours() -> list[Any]:
        async with pipeline.transaction() as db:
            return [one for one in await balances.broken(db) if one.organization_id == organization.organization_id]

    await import_text(csv(MARCH))
    assert await ours() == []
    await import_text(ofx("1.00", "20260310", ("20260310", "-1.00", "PHONE")))
    [found] = await ours()
    assert (found.account_id, found.first_break, found.proven_until) == (
        account.account_id,
        date(2026, 3, 10),
        date(2026, 3, 9),
    )
