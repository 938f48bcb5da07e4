"""Tax over HTTP: what is deductible and why, what people said of it, and the papers; one's own alone."""

import csv
import hashlib
import io
import json
import zipfile
from typing import Any

from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from tests.api.asking import ClientOf

ANALYSIS, PROFILE, RULES = "/api/ai/tax-analysis", "/api/ai/tax/profile", "/api/ai/tax/rules"
SUGGESTIONS, PACK, FEEDBACK = "/api/ai/deduction-suggestions", "/api/ai/tax/evidence-pack", "/api/ai/feedback"
BOOKED = "/api/core/transactions"
OFFICE = {
    "date": "2026-05-04",
    "amount": "-120.00",
    "currency": "GBP",
    "description": "Ryman",
    "category": "Office supplies",
}
SOMETHING = {"description": "Somebody", "amount": "-100.00", "date": "2026-08-03"}
RECEIPT = {"file": ("receipt.pdf", b"%PDF-1.7 a receipt", "application/pdf")}


async def book(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    made = await client.post(BOOKED, json={**OFFICE, **changes})
    assert made.status_code == 201, made.text
    row: dict[str, Any] = made.json()
    return row


async def analyse(client: AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await client.post(ANALYSIS, json=wanted)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def ask(client: AsyncClient, jurisdiction: str, **movement: Any) -> dict[str, Any]:
    """The answer for one movement that is not stored."""
    said = {**SOMETHING, **movement}
    found: dict[str, Any] = (await analyse(client, transactions=[said], jurisdiction=jurisdiction))["items"][0]
    return found


async def say(client: AsyncClient, row: dict[str, Any], field: str, value: str, apply_to: str = "this") -> Any:
    said = {"transaction_id": row["transaction_id"], "field": field, "value": value, "apply_to": apply_to}
    answer = await client.post(FEEDBACK, json=said)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def profile(client: AsyncClient, **said: Any) -> None:
    answer = await client.put(PROFILE, json=said)
    assert answer.status_code == 200, answer.text


async def test_an_answer_says_its_rule_its_law_its_source_and_that_it_is_no_advice(owner: AsyncClient) -> None:
    row = await book(owner)
    found = await analyse(owner, transaction_ids=[row["transaction_id"]])
    answer = found["items"][0]
    told = {
        name: answer[name] for name in ("deductible", "percentage", "amount", "confirmed", "rule_id", "law", "form")
    }
    assert told == {
        "deductible": "yes", "percentage": "100.00", "amount": "120.00", "confirmed": "120.00",
        "rule_id": "gb.general", "law": "ITTOIA 2005 s34; CTA 2009 s54", "form": "hmrc/self-employment-business-api v5",
    }  # fmt: skip
    assert answer["rule_version"] == "2018-04-06.1"
    assert answer["source"].startswith("https://www.gov.uk/")
    assert answer["lines"] == {"adminCosts": "120.00", "adminCostsDisallowable": "0.00"}
    assert "not tax advice" in answer["note"]
    assert (found["jurisdiction"], found["totals"]["unverified"]) == ("GB", "120.00")


CURRENCIES = {"US": "USD", "UK": "GBP", "AU": "AUD", "NZ": "NZD", "SG": "SGD", "IN": "INR"}
CASES: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    # a person has to say that a meal was for the business
    ("US", {"category": "FOOD_AND_DRINK_RESTAURANT"}, ("needs_evidence", "50.00", "50.00")),
    ("UK", {"category": "FOOD_AND_DRINK_RESTAURANT"}, ("no", "0.00", "0.00")),
    ("AU", {"category": "ENTERTAINMENT_OTHER_ENTERTAINMENT"}, ("no", "0.00", "0.00")),
    ("NZ", {"category": "FOOD_AND_DRINK_RESTAURANT"}, ("needs_evidence", "50.00", "50.00")),
    ("DE", {"category": "FOOD_AND_DRINK_RESTAURANT"}, ("needs_evidence", "70.00", "70.00")),
    ("DE", {"head": "gifts", "amount": "-50.01"}, ("no", "0.00", "0.00")),
    ("DE", {"head": "subsistence"}, ("no", "0.00", "0.00")),
    ("US", {"head": "gifts"}, ("needs_evidence", "25.00", "25.00")),
    ("FR", {"category": "GENERAL_SERVICES_CONSULTING_AND_LEGAL"}, ("yes", "100.00", "100.00")),
    ("SG", {"category": "TRANSPORTATION_GAS"}, ("no", "0.00", "0.00")),
    ("IN", {"category": "GENERAL_MERCHANDISE_OFFICE_SUPPLIES"}, ("yes", "100.00", "100.00")),
    # personal, a transfer, income, the tax itself, a loan paid back
    ("US", {"category": "MEDICAL_DENTAL_CARE"}, ("no", "0.00", "0.00")),
    ("US", {"category": "TRANSFER_OUT_SAVINGS"}, ("no", "0.00", "0.00")),
    ("US", {"category": "INCOME_WAGES", "amount": "100.00"}, ("no", "0.00", "0.00")),
    ("US", {"category": "GOVERNMENT_AND_NON_PROFIT_TAX_PAYMENT"}, ("no", "0.00", "0.00")),
    ("US", {"category": "LOAN_PAYMENTS_CAR_PAYMENT"}, ("no", "0.00", "0.00")),
    # a refund takes from what was deducted
    ("US", {"category": "GENERAL_MERCHANDISE_OFFICE_SUPPLIES", "amount": "40.00"}, ("yes", "100.00", "-40.00")),
    # its merchant and its code say what a category does not
    ("US", {"description": "GOOGLE ADS 123", "category": "GENERAL_SERVICES"}, ("yes", "100.00", "100.00")),
    ("US", {"mcc": "7311", "category": "GENERAL_SERVICES"}, ("yes", "100.00", "100.00")),
    ("US", {"head": "telephone", "business_use": 60}, ("needs_evidence", "60.00", "60.00")),
    ("US", {"head": "telephone", "business_use": 0}, ("no", "0.00", "0.00")),
    # capital: the first year's part, or the write-off
    ("AU", {"head": "equipment", "amount": "-19999.99"}, ("needs_evidence", "100.00", "19999.99")),
    ("AU", {"head": "equipment", "amount": "-20000.00"}, ("needs_evidence", "15.00", "3000.00")),
    # not among the rules, or not known: no amount rather than a guess
    ("US", {"head": "meals", "currency": "JPY", "amount": "-100"}, ("needs_evidence", None, None)),
    ("US", {"category": "FOOD_AND_DRINK_RESTAURANT", "currency": None}, ("needs_evidence", None, None)),
    ("NL", {"category": "GENERAL_MERCHANDISE_OFFICE_SUPPLIES"}, ("needs_evidence", None, None)),
]


async def test_what_counts_by_which_law(owner: AsyncClient) -> None:
    for jurisdiction in dict.fromkeys(case[0] for case in CASES):
        cases = [case for case in CASES if case[0] == jurisdiction]
        asked = [{**SOMETHING, "currency": CURRENCIES.get(jurisdiction, "EUR"), **movement} for _, movement, _ in cases]
        answers = (await analyse(owner, transactions=asked, jurisdiction=jurisdiction))["items"]
        for (_, movement, expected), answer in zip(cases, answers, strict=True):
            told = (answer["deductible"], answer["percentage"], answer["amount"])
            assert told == expected, (jurisdiction, movement, answer)


async def test_confirmed_and_possible_are_apart_until_a_person_says_so(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    row = await book(owner, category="Restaurants", description="Corner Cafe", amount="-60.00")
    theirs = await book(their_owner, category="Restaurants", description="Corner Cafe", amount="-60.00")
    question = {"transaction_ids": [row["transaction_id"]]}
    assert (await analyse(owner, **question))["items"][0]["deductible"] == "no"
    await say(owner, row, "tax", "subsistence")
    after = await analyse(owner, **question)
    assert (after["items"][0]["deductible"], after["items"][0]["confirmed"]) == ("yes", "60.00")
    assert after["items"][0]["confirmed_by"].startswith("api_key:")
    assert (after["totals"]["confirmed"], after["totals"]["possible"]) == ("60.00", "0.00")
    await say(owner, row, "business_use", "50%")
    half = (await analyse(owner, **question))["items"][0]
    assert (half["deductible"], half["percentage"], half["confirmed"]) == ("partly", "50.00", "30.00")
    await say(owner, row, "tax", "no")
    assert (await analyse(owner, **question))["items"][0]["deductible"] == "no"
    assert (await analyse(their_owner, transaction_ids=[theirs["transaction_id"]]))["items"][0]["confirmed_by"] is None


async def test_what_was_said_of_similar_ones_is_followed_but_for_ones_own(
    owner: AsyncClient,
) -> None:
    first, second, own = [await book(owner, category="Telephone", description="Giffgaff") for _ in range(3)]
    await say(owner, own, "business_use", "10")
    learned = await say(owner, first, "business_use", "70", "similar")
    assert (learned["others_changed"], learned["holds_for"]) == (1, "payments to giffgaff")
    found = await analyse(owner, transaction_ids=[each["transaction_id"] for each in (first, second, own)])
    assert [each["confirmed"] for each in found["items"]] == ["84.00", "84.00", "12.00"]


async def test_a_word_that_means_nothing_is_refused(owner: AsyncClient) -> None:
    row = await book(owner)
    for field, value in (("tax", "perhaps"), ("business_use", "101"), ("business_use", "NaN"), ("business_use", "-1")):
        said = {"transaction_id": row["transaction_id"], "field": field, "value": value}
        answer = await owner.post(FEEDBACK, json=said)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "value")


async def test_a_split_is_assessed_part_by_part(owner: AsyncClient) -> None:
    row = await book(owner, amount="-100.00")
    parts = [{"amount": "-70.00", "category": "Office supplies"}, {"amount": "-30.00", "category": "Groceries"}]
    assert (await owner.put(f"{BOOKED}/{row['transaction_id']}/splits", json={"splits": parts})).is_success
    found = (await analyse(owner, transaction_ids=[row["transaction_id"]]))["items"]
    assert [(each["part"], each["deductible"], each["amount"]) for each in found] == [
        (0, "yes", "70.00"),
        (1, "no", "0.00"),
    ]


async def test_who_is_registered_deducts_what_is_left_of_the_vat_and_needs_its_invoice(owner: AsyncClient) -> None:
    await profile(owner, jurisdiction="UK", registered=True)
    row = await book(owner)
    question = {"transaction_ids": [row["transaction_id"]]}
    before = await analyse(owner, **question)
    answer, tax = before["items"][0], before["items"][0]["consumption_tax"]
    assert (tax["rate"], tax["amount"], tax["recoverable"], answer["amount"]) == ("20", "20.00", "20.00", "100.00")
    assert answer["evidence_needed"] == ["tax_invoice"]
    assert before["totals"]["recoverable_possible"] == "20.00"
    assert (await owner.post(f"{BOOKED}/{row['transaction_id']}/attachments", files=RECEIPT)).status_code == 201
    after = await analyse(owner, **question)
    assert after["items"][0]["evidence_needed"] == []
    assert after["totals"]["recoverable_confirmed"] == "20.00"


PRICES: list[tuple[str, str, tuple[list[str], str | None]]] = [
    ("AU", "-82.50", (["receipt"], "7.50")),  # a tax invoice only above it
    ("AU", "-82.51", (["tax_invoice"], "7.50")),
    ("CA-ON", "-113.00", (["tax_invoice"], "13.00")),
    ("CA-QC", "-114.98", (["tax_invoice"], "14.98")),  # 5 and 9.975 percent, both recovered
    ("CA-BC", "-112.00", (["tax_invoice"], "5.00")),  # the 7 of the province stay a cost
    ("CA-NS", "-114.00", (["tax_invoice"], "14.00")),
    ("CA", "-113.00", (["tax_invoice"], None)),  # which province nobody said
    ("US", "-113.00", (["receipt"], "0.00")),
]


async def test_the_tax_in_a_price_by_place(owner: AsyncClient) -> None:
    for jurisdiction, amount, expected in PRICES:
        await profile(owner, jurisdiction=jurisdiction, registered=True)
        currency = {"AU": "AUD", "CA": "CAD", "US": "USD"}[jurisdiction[:2]]
        answer = await ask(owner, jurisdiction, category="Office supplies", amount=amount, currency=currency)
        assert (answer["evidence_needed"], answer["consumption_tax"]["recoverable"]) == expected, jurisdiction


async def test_a_foreign_amount_is_told_by_a_rate_that_is_known(owner: AsyncClient) -> None:
    rate = {"base": "USD", "quote": "GBP", "date": "2026-08-03", "rate": "0.80"}
    movement = {"category": "Office supplies", "currency": "USD", "amount": "-100.00"}
    assert (await ask(owner, "UK", **movement))["amount"] is None
    assert (await owner.put("/api/core/rates", json=rate)).is_success
    answer = await ask(owner, "UK", **movement)
    assert (answer["amount"], answer["currency"], answer["converted"]["source"]) == ("80.00", "GBP", "own")


async def test_a_movement_without_a_day_is_assessed_where_the_year_has_one_rule(owner: AsyncClient) -> None:
    movement = {"description": "Ryman", "amount": "-10.00", "currency": "USD", "category": "Office supplies"}
    wanted = {"transactions": [movement], "jurisdiction": "US"}
    without = (await analyse(owner, **wanted))["items"][0]
    assert (without["amount"], without["evidence_needed"]) == (None, ["date"])
    assert (await analyse(owner, **wanted, tax_year=2026))["items"][0]["amount"] == "10.00"


async def test_a_year_is_assessed_whole_and_what_lies_outside_is_not(owner: AsyncClient) -> None:
    await book(owner, date="2026-04-05", amount="-1.00")
    await book(owner, date="2026-04-06", amount="-2.00")
    await book(owner, date="2027-04-05", amount="-4.00")
    found = await analyse(owner, tax_year="2026-27")
    assert found["totals"]["confirmed"] == "6.00"
    assert found["tax_year"] == {"name": "2026-27", "start": "2026-04-06", "end": "2027-04-05"}
    assert (await analyse(owner, period="2026-04"))["totals"]["confirmed"] == "3.00"


async def test_an_unknown_place_or_year_is_refused_with_what_is_known(owner: AsyncClient) -> None:
    wanted: dict[str, Any]
    for wanted, code, known in (
        ({"jurisdiction": "BR", "tax_year": "2026"}, "unknown_jurisdiction", "US"),
        ({"jurisdiction": "US", "tax_year": 2041}, "unknown_year", "2026"),
        ({"jurisdiction": "UK", "period": "1999"}, "unknown_year", "2026-27"),
    ):
        answer = await owner.post(ANALYSIS, json=wanted)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert known in answer.json()["known"]


X = {"description": "x", "amount": "-1"}
REFUSED: list[dict[str, Any]] = [
    {},
    {"transactions": []},
    {"period": "2026", "transactions": [X]},
    {"tax_year": "2026-29"},
    {"tax_year": "soon", "jurisdiction": "US"},
    {"transactions": [{**X, "head": "yacht"}]},
    {"transactions": [{**X, "business_use": 101}]},
    {"transactions": [{**X, "currency": "XAU"}]},
    {"transactions": [{**X, "head": "office", "date": "2025-01-01"}], "tax_year": "2026"},
]


async def test_a_question_that_does_not_hold_is_refused(owner: AsyncClient) -> None:
    assert [(await owner.post(ANALYSIS, json=wanted)).status_code for wanted in REFUSED] == [422] * len(REFUSED)


async def test_the_profile_is_that_of_the_organizations_settings(
    client_of: ClientOf, organization: Organization, owner: AsyncClient
) -> None:
    said = {"jurisdiction": "UK", "role": "company", "business": "retail", "registered": True, "basis": "accrual"}
    answer = await owner.put(PROFILE, json={**said, "fiscal_year_start": 4}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    settings = (await owner.get("/api/core/organization")).json()
    assert settings["tax"] == {**said, "jurisdiction": "GB", "number": None, "scheme": None}
    assert settings["fiscal_year_start"] == 4
    assert (await owner.put(PROFILE, json=said, headers={"If-Match": '"1"'})).status_code == 412
    assert (await owner.put(PROFILE, json={"jurisdiction": "BR"})).json()["code"] == "unknown_jurisdiction"
    assert (await owner.put(PROFILE, json={})).json()["fiscal_year_start"] == 4
    assert (await owner.get(PROFILE)).json()["assumed_jurisdiction"] == "GB"
    accountant = await client_of(organization, Role.ACCOUNTANT)
    assert (await accountant.put(PROFILE, json=said)).status_code == 403


async def test_the_rules_are_told_with_what_is_not_published(owner: AsyncClient) -> None:
    found = (await owner.get(RULES, params={"jurisdiction": "AU", "year": "2026-27"})).json()
    rows = {row["rule_id"]: row for row in found["items"]}
    assert (rows["au.home.fixed_rate"]["value"], rows["au.home.fixed_rate"]["status"]) == (None, "unpublished")
    assert (rows["au.mileage.car"]["value"], rows["au.mileage.car"]["cap_distance"]) == ("0.91", "5000")
    of_ontario = (await owner.get(RULES, params={"jurisdiction": "CA-ON"})).json()["items"]
    assert {"ca.meals", "ca-on.consumption.hst"} <= {row["rule_id"] for row in of_ontario}
    assert (await owner.get(RULES, params={"jurisdiction": "XX"})).status_code == 422
    assert (await owner.get(RULES, params={"jurisdiction": "US", "year": "1950"})).status_code == 422
    page = (await owner.get(RULES, params={"jurisdiction": "US", "limit": 3, "include": "total"})).json()
    assert (len(page["items"]), page["total"] > 30, page["next_cursor"] is None) == (3, True, False)


async def test_suggestions_say_what_is_at_stake_and_how_to_confirm_it(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    await book(owner, category="Telephone", description="Giffgaff", amount="-30.00")
    await book(owner, category="Telephone", description="Giffgaff", amount="-30.00")
    await book(owner, category="Restaurants", description="Corner Cafe", amount="-50.00")
    unsaid = await book(owner, category=None, description="Zorblax Quimby", amount="-80.00")
    await book(their_owner, category="Telephone", description="Theirs", amount="-9.00")
    found = (await owner.get(SUGGESTIONS, params={"tax_year": "2026-27"})).json()["items"]
    told = {each["key"]: each for each in found}
    phone = told["unconfirmed:telephone:giffgaff"]
    assert (phone["amount_low"], phone["amount_high"], phone["transactions"]) == ("0.00", "60.00", 2)
    assert (phone["field"], phone["value"], phone["evidence"]) == (
        "business_use", "100", ["receipt", "business_purpose", "private_use_share"],
    )  # fmt: skip
    assert told["missed:meals:corner cafe"]["value"] == "subsistence"
    missed = told["missed::zorblax quimby"]
    assert (missed["amount_high"], missed["transaction_ids"]) == ("80.00", [unsaid["transaction_id"]])
    assert told["method:home:gb.home.flat_rate"]["amount_high"] == "312.00"
    assert not any("theirs" in each["key"] for each in found)
    said = {"transaction_id": phone["transaction_ids"][0], "field": phone["field"], "value": phone["value"]}
    assert (await owner.post(FEEDBACK, json={**said, "apply_to": "similar"})).status_code == 200
    after = {each["key"]: each for each in (await owner.get(SUGGESTIONS, params={"period": "2026-05"})).json()["items"]}
    assert "unconfirmed:telephone:giffgaff" not in after
    assert after["papers:telephone:giffgaff"]["amount_high"] == "60.00"


async def fill(client: AsyncClient, *order: int) -> dict[int, dict[str, Any]]:
    """Three transactions, written down in some order, one with a receipt."""
    rows = {}
    for number in order:
        rows[number] = await book(client, description=f"Ryman {'abc'[number]}", amount=f"-{number + 1}.00")
    at = f"{BOOKED}/{rows[1]['transaction_id']}/attachments"
    assert (await client.post(at, files=RECEIPT)).status_code == 201
    return rows


async def test_the_same_books_make_the_same_pack_whatever_their_ids(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    await fill(owner, 0, 1, 2)
    await fill(their_owner, 2, 1, 0)
    ours, again, theirs = [await each.get(PACK, params={"tax_year": "2026-27"}) for each in (owner, owner, their_owner)]
    assert (ours.status_code, ours.headers["content-type"]) == (200, "application/zip")
    assert ours.content == again.content
    assert ours.headers["X-Content-SHA256"] == theirs.headers["X-Content-SHA256"]
    assert ours.content != theirs.content, "the ids are others"
    await book(owner, description="One more", amount="-9.00")
    assert (await owner.get(PACK, params={"tax_year": "2026-27"})).headers["X-Content-SHA256"] != ours.headers[
        "X-Content-SHA256"
    ]


async def test_a_pack_holds_rows_receipts_and_rules_and_its_manifest_holds_their_digests(owner: AsyncClient) -> None:
    rows = await fill(owner, 0, 1, 2)
    answer = await owner.get(PACK, params={"period": "2026-05"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        listed = {each["file"]: each["sha256"] for each in [*manifest["files"], *manifest["not_in_it"]]}
        assert set(listed) | {"manifest.json"} == set(archive.namelist())
        assert all(hashlib.sha256(archive.read(name)).hexdigest() == digest for name, digest in listed.items())
        lines = [*csv.DictReader(io.StringIO(archive.read("rows.csv").decode()))]
        receipt = hashlib.sha256(RECEIPT["file"][1]).hexdigest()
        assert archive.read(f"receipts/{receipt}.pdf") == RECEIPT["file"][1]
        rules = {rule["rule_id"] for rule in json.loads(archive.read("rules.json"))}
        ids = archive.read("ids.csv").decode()
    assert [(line["amount"], line["deductible"], line["receipts"]) for line in lines] == [
        ("-1.00", "yes", ""), ("-2.00", "yes", receipt), ("-3.00", "yes", ""),
    ]  # fmt: skip
    assert {"gb.general", "gb.sa103"} <= rules
    assert manifest["content_sha256"] == answer.headers["X-Content-SHA256"]
    assert all(row["transaction_id"] in ids for row in rows.values())
    assert not any(row["transaction_id"] in json.dumps(lines) for row in rows.values())


async def test_a_strangers_transactions_are_not_there(owner: AsyncClient, their_owner: AsyncClient) -> None:
    theirs = await book(their_owner)
    question = {"transaction_ids": [theirs["transaction_id"]]}
    assert (await owner.post(ANALYSIS, json=question)).status_code == 404
    assert (await their_owner.post(ANALYSIS, json=question)).status_code == 200
    said = {"transaction_id": theirs["transaction_id"], "field": "tax", "value": "yes"}
    assert (await owner.post(FEEDBACK, json=said)).status_code == 404
    assert (await their_owner.post(FEEDBACK, json=said)).status_code == 200


async def test_an_analysis_says_what_it_is_to_the_taxman(owner: AsyncClient) -> None:
    asked = {"description": "TESCO STORES 3297", "amount": "-12.50", "currency": "GBP", "date": "2026-05-04"}
    answer = (await owner.post("/api/ai/analyze-transaction", json=asked)).json()
    assert answer["category"]["detailed"] == "FOOD_AND_DRINK_GROCERIES"
    assert (answer["tax"]["deductible"], answer["tax"]["jurisdiction"]) == ("no", "GB")
    await owner.patch("/api/core/organization", json={"country": None})
    assert (await owner.post("/api/ai/analyze-transaction", json=asked)).json()["tax"] is None


async def test_an_analysis_follows_what_was_said_of_its_merchant_from_the_next_one_on(owner: AsyncClient) -> None:
    row = await book(owner, category="Telephone", description="Giffgaff")
    asked = {"description": "Giffgaff", "amount": "-12.50", "currency": "GBP", "date": "2026-05-04"}
    before = (await owner.post("/api/ai/analyze-transaction", json=asked)).json()["tax"]
    await say(owner, row, "tax", "no", "similar")
    after = (await owner.post("/api/ai/analyze-transaction", json=asked)).json()["tax"]
    assert (before["deductible"], after["deductible"]) == ("needs_evidence", "no")
    assert (before["confirmed_by"], after["confirmed_by"] is None) == (None, False)


FIGURES: list[tuple[dict[str, Any], Any]] = [
    ({"kind": "mileage", "jurisdiction": "US", "trips": [{"date": "2026-07-01", "distance": 100}]}, "76.00"),
    ({"kind": "mileage", "jurisdiction": "UK", "trips": [{"date": "2026-10-01", "distance": 12000}]}, "6000.00"),
    ({"kind": "mileage", "jurisdiction": "AU", "trips": [{"date": "2027-08-01", "distance": 1}]}, "not_published"),
    ({"kind": "mileage", "jurisdiction": "IE", "trips": [{"date": "2026-07-01", "distance": 1}]}, "invalid"),
    ({"kind": "mileage", "jurisdiction": "SG", "trips": [{"date": "2026-07-01", "distance": 1}]}, "no_mileage_rate"),
    ({"kind": "home_office", "jurisdiction": "US", "date": "2026-05-01", "quantity": 350}, "1500.00"),
    ({"kind": "home_office", "jurisdiction": "AU", "date": "2026-08-01", "quantity": 10}, "not_published"),
    ({"kind": "home_office", "jurisdiction": "FR", "date": "2026-08-01", "quantity": 10}, "no_home_office_method"),
    ({"kind": "equipment", "jurisdiction": "CA", "date": "2026-05-01", "cost": 45000, "is_car": True}, "39000.00"),
    ({"kind": "equipment", "jurisdiction": "FR", "date": "2026-05-01", "cost": 45000}, "no_capital_rule"),
    ({"kind": "gift", "jurisdiction": "DE", "date": "2026-05-01", "amount": "50.01"}, "0.00"),
    ({"kind": "gift", "jurisdiction": "FR", "date": "2026-05-01", "amount": "50.01"}, "unknown_rule"),
    ({"kind": "expense", "date": "2026-05-01", "head": "meals", "amount": 100}, "0.00"),
    ({"kind": "expense", "jurisdiction": "DE", "date": "2026-05-01", "head": "meals", "amount": 100}, "70.00"),
    ({"kind": "expense", "jurisdiction": "US", "date": "2050-05-01", "head": "meals", "amount": 1}, "unknown_year"),
    ({"kind": "home_office", "jurisdiction": "UK", "date": "0001-01-01"}, "unreadable_year"),
    (
        {"kind": "mileage", "jurisdiction": "UK", "trips": [{"date": "9999-12-31", "distance": 9}]},
        "unreadable_year",
    ),
    ({"kind": "yacht"}, "invalid"),
]


async def test_figures_are_reckoned_by_the_rules_of_their_day(owner: AsyncClient) -> None:
    for wanted, expected in FIGURES:
        answer = await owner.post("/api/ai/tax/calculate", json=wanted)
        body = answer.json()
        assert answer.status_code == (200 if "amount" in body else 422), (wanted, body)
        assert body.get("amount", body.get("code")) == expected, (wanted, body)
        assert "amount" not in body or all(rule["law"] and rule["source"] for rule in body["rules"])
