"""As of: what the books had at a moment, as SQL that queries are put together of.

Of a row that was written again since, the version counts that was there and not over: the row itself, or a former one
that ended later. Whoever asks names the moment's parameters and the organization's.
"""

from ai2.books.moments import seen

# No writer takes so long: what was over so much earlier was over at the moment too.
LONGEST = "interval '1 day'"
OURS = "organization_id = %(organization_id)s"
COUNTS = "status = 'posted' and deleted_at is null"
# What there was before a history of it began has no time: it was there as long as what it belongs to.
KNOWN_FROM = "coalesce(known_from, '-infinity')"


def transactions(columns: str, these: str = COUNTS) -> str:
    """Transactions as they were, each since `known_from`: these of them, by what they were then."""
    return f"""
        select {columns} from (select *, updated_at as known_from from published.transactions) as present
        where {OURS} and {these} and {seen("row_xid", "known_from")}
        union all
        select {columns} from published.transaction_versions
        where {OURS} and {these} and known_to > %(moment)s::timestamptz - {LONGEST} and {seen("row_xid", "known_from")}
            and not {seen("ended_xid", "known_to")}
    """


def _named(kind: str, table: str, columns: str) -> str:
    """The rows of accounts or categories as they were; those that were there. None of them is ever gone."""
    return f"""
        select {kind}.*
        from (
            select distinct on ({kind}_id) *
            from (
                select number, organization_id, {columns} from published.{kind}_versions
                where {OURS} and not {seen("ended_xid", "known_to")}
                union all
                select 2147483647, organization_id, {columns} from published.{table} where {OURS}
            ) as version
            order by {kind}_id, number
        ) as {kind}
        inner join published.{table} as present
            on present.organization_id = {kind}.organization_id and present.{kind}_id = {kind}.{kind}_id
        where {seen("present.created_xid", "present.created_at")}
    """


def categories() -> str:
    """Categories with their names, kinds and places in the tree."""
    return _named("category", "categories", "category_id, parent_id, name, kind")


def accounts(columns: str) -> str:
    """Accounts, with these columns."""
    return _named("account", "accounts", columns)


def _lasting(columns: str, table: str, versions: str, known_from: str = KNOWN_FROM) -> str:
    """Rows of a table that keeps when each was known from; also those that are gone."""
    return f"""
        select organization_id, {columns} from {table} where {OURS} and {seen("row_xid", known_from)}
        union all
        select organization_id, {columns} from {versions}
        where {OURS} and {seen("row_xid", "known_from")} and not {seen("ended_xid", "known_to")}
    """


BUDGETS = _lasting(
    "budget_id, category_id, currency, amount, first_month, last_month, is_rolled_over, version, created_at,"
    " updated_at",
    "books.budgets",
    "books.budget_versions",
    "coalesce(known_from, created_at)",
)
BUDGET_MONTHS = _lasting("budget_id, month, amount", "books.budget_months", "books.budget_month_versions")
CATEGORY_CODES = _lasting("code, category_id", "books.category_codes", "books.category_code_versions")
ATTACHMENTS = _lasting("transaction_id", "books.attachments", "books.attachment_versions", "created_at")
