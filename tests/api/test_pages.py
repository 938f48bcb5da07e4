"""Every list is asked for in the same way: a limit, an opaque cursor, and the total where it is wanted."""

import pytest

LISTS = ("accounts", "categories", "api-keys", "members", "members/invitations", "sessions", "rules", "transfers",
         "rules/applications", "imports", "transactions", "audit", "auth/oidc", "auth/identities", "periods",
         "rates/own", "organization/history", "budgets", "filters", "events")  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
class TestList:
    async def test_takes_a_limit_and_counts_on_request(self, owner, name):
        page = (await owner.get(f"/api/core/{name}?limit=1&include=total")).json()
        assert len(page["items"]) <= 1
        assert page["total"] >= len(page["items"])
        assert "total" not in (await owner.get(f"/api/core/{name}")).json()

    async def test_refuses_a_cursor_that_it_did_not_give_out(self, owner, name):
        for cursor in ("1", "~", "b3RoZXI", "a" * 5000):
            refused = await owner.get(f"/api/core/{name}?cursor={cursor}")
            assert (refused.status_code, refused.json()["code"]) == (422, "unknown_cursor"), cursor


async def test_walks_a_whole_list_page_by_page(owner):
    names = [f"Account {number}" for number in range(5)]
    for name in names:
        assert (await owner.post("/api/core/accounts", json={"name": name, "currency": "GBP"})).status_code == 201
    seen, cursor = [], ""
    while cursor is not None:
        page = (await owner.get(f"/api/core/accounts?limit=2{cursor and f'&cursor={cursor}'}")).json()
        seen += [account["name"] for account in page["items"]]
        cursor = page["next_cursor"]
    assert seen == names
