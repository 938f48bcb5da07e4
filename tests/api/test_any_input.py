"""Any input: whatever is sent to whichever operation, the answer is never an error of ours."""

import json
from functools import cache
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.ids import new_id
from api.app import TITLES, operations
from tests.api.asking import PersonIn
from tests.api.conftest import WATCHED

LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
TEA = {"description": "Tea", "amount": "-1.00"}
RULE = {"conditions": {"description": {"by": "matches", "text": "tea|cafe"}}, "actions": {"tags": ["drinks"]}}
# Requests that hold, so that a value which does not is met where it hurts.
MAPPING = {
    "url": "https://127.0.0.1/rows", "auth": {"type": "bearer"},
    "fields": {"date": {"path": "day"}, "amount": {"path": "amount"}},
}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "/api/core/transactions": LUNCH,
    "/api/core/transactions/bulk": {"items": [LUNCH, LUNCH]},
    "/api/core/transactions/bulk-update": {"transaction_ids": [str(new_id())], "change": {"notes": "seen"}},
    "/api/core/transactions/{transaction_id}/splits": {
        "splits": [{"amount": "-12.00", "category": "Coffee"}, {"amount": "-0.50", "category": "Coffee"}]
    },
    "/api/core/accounts": {"name": "Main", "currency": "GBP"},
    "/api/core/categories": {"name": "Lunch", "kind": "expense"},
    "/api/core/categories/{category_id}/merge": {"into": str(new_id())},
    "/api/core/rules": {"name": "Drinks", **RULE},
    "/api/core/rules/preview": {"rule": RULE},
    "/api/core/filters": {"name": "Drinks", "filter": {"search": "tea", "max_amount": "-1", "sort": "amount"}},
    "/api/core/rules/{rule_id}": {"actions": {"split": [{"category_id": str(new_id()), "percentage": "50"}] * 2}},
    "/api/core/api-keys": {"name": "till", "role": "viewer", "scopes": ["read"]},
    "/api/core/periods/close": {"through": "2020-12-31"},
    "/api/core/periods/reopen": {"from": "2020-12-01", "reason": "late bill"},
    "/api/core/rates": {"base": "USD", "quote": "GBP", "date": "2026-03-01", "rate": "0.79"},
    "/api/core/budgets": {"category_id": str(new_id()), "currency": "GBP", "amount": "4", "first_month": "2026-01"},
    "/api/core/budgets/{budget_id}": {"amount": "4", "overrides": {"2026-02": None}},
    "/api/core/organization": {"name": "Bright Bikes", "fiscal_year_start": 4},
    "/api/core/members/{user_id}": {"role": "viewer"},
    "/api/core/members/invitations": {"email": "ben@example.com", "role": "viewer"},
    "/api/core/auth/accept-invitation": {"token": "x" * 43, "name": "Ben", "password": "correct horse battery"},
    "/api/core/auth/password": {"current_password": "x" * 12, "new_password": "correct horse battery"},
    "/api/core/auth/second-factor": {"password": "correct horse battery"},
    "/api/core/auth/second-factor/confirm": {"totp": "123456"},
    "/api/core/auth/second-factor/recovery-codes": {"recovery_code": "k3ab7-k3ab7-k3ab7-k3ab7"},
    "/api/core/auth/second-factor/disable": {"totp": "123456"},
    "/api/core/auth/oidc/{provider}/link": {"password": "correct horse battery"},
    "/api/core/auth/oidc/{provider}/callback": {"state": "x" * 43, "secret": "x" * 43, "code": "x"},
    "/api/core/csv-import": {"csv_data": "Date,Text,Amount\n2026-03-01,Tea,-1\n", "account_name": "Imported"},
    "/api/core/imports/{batch_id}/resubmit": {"csv_data": "Date,Text,Amount\n2026-03-01,Tea,-1\n"},
    "/api/ai/analyze-transaction": TEA,
    "/api/ai/batch-analyze": {"transactions": [{**TEA, "id": "a"}]},
    "/api/ai/orchestrate": {"workflow": "categorize", "period": "2026-03"},
    "/api/ai/suggestions": {"period": "2026-03"},
    "/api/ai/suggestions/bulk": {"items": [{"suggestion_id": str(new_id()), "answer": "accept"}]},
    "/api/ai/suggestions/{suggestion_id}/accept": {"category": "Coffee", "apply_to": "similar"},
    "/api/ai/suggestions/{suggestion_id}/reject": {"apply_to": "similar"},
    "/api/ai/anomalies/{anomaly_id}/dismiss": {"note": "all right", "apply_to": "merchant"},
    "/api/ai/recurring/{pattern_id}/confirm": {"cadence": "monthly"},
    "/api/ai/models/{name}/promote": {"version": "1", "force": True, "reason": "a hotfix"},
    "/api/ai/feedback": {"field": "category", "value": "Coffee", "apply_to": "similar"},
    "/api/ai/tax-analysis": {
        "transactions": [{**TEA, "head": "office", "date": "2026-05-01", "currency": "USD"}],
        "jurisdiction": "US",
    },
    "/api/ai/tax/calculate": {"kind": "equipment", "jurisdiction": "AU", "date": "2026-08-01", "cost": "2000"},
    "/api/analytics/effects": {"rule": RULE, "start_date": "2026-01-01", "end_date": "2026-12-31"},
    "/api/analytics/generate-report": {
        "report": "profit_and_loss",
        "start_date": "2026-01-15",
        "end_date": "2026-03-31",
        "group_by": "month",
        "currency": "EUR",
        "compare_to": "previous_year",
        "format": "pdf",
    },
    "/api/analytics/export-data": {"what": "entries", "format": "parquet", "start_date": "2026-01-15"},
    "/api/analytics/schedules": {
        "name": "Monthly",
        "report": {"report": "trend", "period": "last_month", "group_by": "month", "currency": "EUR"},
        "every": "month",
        "day": 31,
        "time_zone": "Europe/Paris",
    },
    "/api/connectors/callback/{provider}": {"ref": "x" * 43},
    "/api/connectors/email/connect": {"provider": "forwarding", "settings": {"statements_from": ["bank.example"]}},
    "/api/connectors/oauth/callback": {"state": "x" * 43, "secret": "x" * 43, "code": "x"},
    "/api/connectors/mails/{mail_id}/statements": {"account_id": str(new_id())},
    "/api/connectors/bank/connect": {"provider": "folder", "settings": {"path": str(WATCHED)}, "credentials": {}},
    "/api/connectors/connections/{connection_id}/accounts": {"account_key": "", "account_id": None},
    "/api/connectors/connections/{connection_id}/sync": {"start_date": "2026-01-01", "end_date": "2026-03-31"},
    # at an address that is refused before anybody is asked
    "/api/connectors/third-party": {"name": "Shop", "settings": MAPPING, "credentials": {"token": "t"}},
    "/api/connectors/third-party/preview": {"settings": MAPPING, "credentials": {"token": "t"}},
    "/api/connectors/connections/{connection_id}/finish": {"public_token": "public-sandbox-x"},
    "/api/ai/tax/profile": {"jurisdiction": "UK", "registered": True, "role": "company", "basis": "cash"},
}

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "\x00", "\ud800", "a\x00b", "-12.50", "1e309", "NaN", "٣", "2026-02-30", "9999-12-31", "0001-01-01",
         "GBP", "XAU", "=1+1", "%", "\\", "'", "99999999999999999999", str(new_id()), "category", "always", "x" * 3000]
    ),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.sampled_from([10**30, -(10**30), 2**31, 2**63, 1e300]),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


def fields_of(described: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    """The names that the body's schema knows, so that values reach behind the first check."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return [*schema.get("properties", {}), "unknown"]


@cache
def all_operations(app: FastAPI) -> list[tuple[str, str, list[str], list[str]]]:
    described = operations(app, [*TITLES])
    return [
        (
            method.upper(),
            path,
            fields_of(described, operation),
            [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"],
        )
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/") and "logout" not in path
    ]


@pytest.fixture
async def ids(owner: AsyncClient, person_in: PersonIn, organization: Organization) -> list[str]:
    """What there is: ids of every kind."""
    row = (await owner.post("/api/core/transactions", json={**LUNCH, "category": "Coffee"})).json()
    imported = (await owner.post("/api/core/csv-import", json=GOOD["/api/core/csv-import"])).json()
    invited = (await owner.post("/api/core/members/invitations", json=GOOD["/api/core/members/invitations"])).json()
    member = await person_in(organization, Role.VIEWER)
    rule = (await owner.post("/api/core/rules", json=GOOD["/api/core/rules"])).json()
    applied = (await owner.post(f"/api/core/rules/{rule['rule_id']}/apply", json={})).json()
    said = {"transaction_id": row["transaction_id"], "field": "recurring", "value": "monthly"}
    await owner.post("/api/ai/feedback", json=said)
    recurring = (await owner.get("/api/ai/recurring")).json()["items"]
    kept = (await owner.post("/api/core/filters", json=GOOD["/api/core/filters"])).json()
    export = (await owner.post("/api/analytics/export-data", json=GOOD["/api/analytics/export-data"])).json()
    receipt = (await owner.post("/api/connectors/receipts", files={"file": ("a.txt", b"Tea 1.20")})).json()
    schedule = (await owner.post("/api/analytics/schedules", json=GOOD["/api/analytics/schedules"])).json()
    connected = (await owner.post("/api/connectors/bank/connect", json=GOOD["/api/connectors/bank/connect"])).json()
    return [
        connected["connection"]["connection_id"],
        row["transaction_id"], row["account_id"], row["category_id"], imported["batch_id"], member.user_id,
        invited["invitation_id"], member.session_id, rule["rule_id"], applied["application_id"],
        kept["filter_id"], recurring[0]["pattern_id"], export["export_id"], schedule["schedule_id"],
        receipt["document_id"],
    ]  # fmt: skip


@pytest.mark.timeout(200)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_input_is_an_error_of_ours(
    app: FastAPI, owner: AsyncClient, ids: list[str], data: st.DataObject
) -> None:
    method, path, fields, parameters = data.draw(st.sampled_from(all_operations(app)))
    identifier = data.draw(st.sampled_from([*ids, *ids, str(new_id()), "x", "%00", "..", "é", "1" * 40]))
    address = "/".join(identifier if part.startswith("{") else part for part in path.split("/"))
    query = data.draw(st.dictionaries(st.sampled_from([*parameters, "q"]), TEXTS.map(_sendable), max_size=3))
    wrong = data.draw(st.dictionaries(st.sampled_from(fields), VALUES | st.sampled_from(ids), max_size=2))
    body = data.draw(st.one_of(st.just({**GOOD.get(path, {}), **wrong}), VALUES))
    sent = json.dumps(body, ensure_ascii=True).encode() if method not in {"GET", "DELETE"} else None
    headers = {"Content-Type": "application/json"} if sent else {}
    answer = await owner.request(method, address, params=query, content=sent, headers=headers)
    assert answer.status_code < 500, (method, address, query, body, answer.text)
    if answer.is_error:
        assert answer.headers["content-type"] == "application/problem+json"


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
