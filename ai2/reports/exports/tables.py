"""Tables: what can be exported, and each one's columns in the order in which its query gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ai2.reports.exports.columns import Column, money


@dataclass(frozen=True)
class Table:
    """A table to export. The manifest has what the columns `sums` come to, for each value of the columns `totals_by`.

    Of the totals with the values `in_books`, what the books themselves say of these days and accounts is the same.
    """

    title: str
    columns: tuple[Column, ...]
    sums: tuple[str, ...] = ()
    totals_by: tuple[str, ...] = ()
    in_books: Mapping[str, str] | None = field(default=None)


CURRENCY = Column("currency", "label", "ISO 4217.")
ACCOUNT = (Column("account_id", "label", "The account."), Column("account", "label", "Its name."))
CATEGORY = (
    Column("category_id", "label", "The category; null: nobody has decided, or the parts say it."),
    Column("category", "label", "Its name."),
)
TRANSACTIONS = Table(
    "Transactions",
    (
        Column("transaction_id", "id", "The transaction."),
        Column("date", "date", "The bank's calendar date."),
        money("amount", "Negative is money out."),
        CURRENCY,
        Column("type", "label", "income, expense or transfer."),
        Column("description", "text", "As the bank or a person wrote it."),
        Column("merchant", "label", "Who was paid, or paid."),
        *ACCOUNT,
        *CATEGORY,
        Column("is_split", "truth", "Whether it is for several things: the export of splits has them."),
        Column("status", "label", "posted, or pending: announced and not booked. Only what is posted counts."),
        Column("reference", "text", "The bank's, or the payer's."),
        Column("notes", "text", "A person's."),
        Column("tags", "texts", "A person's, or a rule's."),
        Column("mcc", "label", "The merchant's kind, ISO 18245."),
        Column("counterparty", "label", "The other side's account: IBAN or number."),
        Column("value_date", "date", "From when interest counts."),
        Column("attributes", "json", "What the file said besides."),
        Column("decided_by", "label", "user, rule, recurring, merchant, import, model or llm."),
        Column("decided_version", "label", "The rule or the model that decided."),
        Column("confidence", "share", "How sure it was."),
        Column("batch_id", "label", "The import that it came with."),
        Column("line_number", "count", "The line of its file."),
        Column("created_at", "instant", "When it came into the books."),
        Column("updated_at", "instant", "When it was changed last."),
    ),
    sums=("amount",),
    totals_by=("currency", "status"),
    in_books={"status": "posted"},
)
ENTRIES = Table(
    "Ledger",
    (
        Column("date", "date", "The bank's calendar date; null: of an opening whose day nobody said."),
        Column("transaction_id", "id", "The transaction whose entries sum to zero; null: an opening."),
        Column("place", "count", "The leg's place; of what is posted 0 is the account's."),
        Column("origin", "label", "posted; opened: what an account began with; cleared: what transfers leave over."),
        Column("section", "label", "account, income, expense, transfer, opening, exchange or kept_back."),
        Column("ledger_account", "label", "Its account in the chart."),
        *ACCOUNT,
        *CATEGORY,
        money("debit", "What is positive of `amount`; else null."),
        money("credit", "What is negative of `amount`, without its sign; else null."),
        money("amount", "A debit is positive."),
        CURRENCY,
        Column("description", "text", "The transaction's."),
    ),
    sums=("debit", "credit", "amount"),
    totals_by=("currency", "origin", "section"),
    in_books={"origin": "posted", "section": "account"},
)
SPLITS = Table(
    "Splits",
    (
        Column("transaction_id", "id", "The transaction that is split."),
        Column("date", "date", "Its date."),
        Column("place", "count", "Which of its parts, from 1."),
        money("amount", "The parts of a transaction sum to its amount."),
        CURRENCY,
        *ACCOUNT,
        *CATEGORY,
        Column("notes", "text", "Of the part."),
        Column("tags", "texts", "Of the part."),
        Column("description", "text", "The transaction's."),
    ),
    sums=("amount",),
    totals_by=("currency",),
)
ACCOUNTS = Table(
    "Accounts",
    (
        Column("account_id", "id", "The account."),
        Column("name", "text", "Its name."),
        Column("kind", "label", "bank, card, savings, cash, loan or other."),
        CURRENCY,
        Column("number", "text", "IBAN or number, as the bank writes it."),
        money("opening_balance", "What it held before its first transaction, where somebody said so."),
        Column("opening_on", "date", "As of when."),
        Column("archived_at", "instant", "When it was put away."),
        Column("created_at", "instant", "When it was opened here."),
    ),
)
CATEGORIES = Table(
    "Categories",
    (
        Column("category_id", "id", "The category."),
        Column("name", "text", "Its name."),
        Column("kind", "label", "income, expense or transfer."),
        Column("parent_id", "label", "The category above it."),
        Column("parent", "label", "Its name."),
        Column("codes", "texts", "Predicted categories that mean this one."),
        Column("archived_at", "instant", "When it was put away."),
        Column("created_at", "instant", "When it was made."),
    ),
)
BALANCES = Table(
    "Balances",
    (
        *ACCOUNT,
        Column("date", "date", "A day on which something moved."),
        Column("holds_until", "date", "The last day with this closing balance; null: until now."),
        money("opening", "What it held when the day began."),
        money("money_in", "Positive."),
        money("money_out", "Positive."),
        money("closing", "What it held when the day ended."),
        CURRENCY,
        Column("transactions", "count", "How many moved it."),
    ),
    sums=("money_in", "money_out"),
    totals_by=("currency",),
)
RULES = Table(
    "Rules",
    (
        Column("rule_id", "id", "The rule."),
        Column("name", "text", "Its name."),
        Column("position", "count", "Lower ones are asked first."),
        Column("is_active", "truth", "Whether it is in force."),
        Column("description_by", "label", "contains, equals or matches."),
        Column("description", "text", "What the description has to say."),
        Column("merchant_by", "label", "contains, equals or matches."),
        Column("merchant", "text", "What the merchant has to be called."),
        Column("min_amount", "text", "Exact decimal: the least amount, without its sign."),
        Column("max_amount", "text", "Exact decimal: the most."),
        Column("account", "label", "Of this account only."),
        Column("mcc", "label", "Of this kind of merchant only."),
        Column("sign", "label", "in or out only."),
        Column("currency", "label", "In this currency only."),
        Column("category", "label", "What it decides."),
        Column("tags", "texts", "Which tags it adds."),
        Column("merchant_name", "text", "What it calls the merchant."),
        Column("split", "json", "Into what it splits."),
        Column("transfer_account", "label", "To or from which account it says that the money went."),
        Column("version", "count", "How often it was written."),
        Column("created_at", "instant", "When it was made."),
        Column("updated_at", "instant", "When it was changed last."),
    ),
)
BUDGETS = Table(
    "Budgets",
    (
        Column("budget_id", "id", "The budget."),
        *CATEGORY,
        money("amount", "For each month."),
        CURRENCY,
        Column("first_month", "date", "Its first day."),
        Column("last_month", "date", "Its first day; null: until it is changed."),
        Column("rollover", "truth", "Whether what is left goes over to the next month."),
        Column("overrides", "json", "Months with an amount of their own."),
        Column("created_at", "instant", "When it was made."),
        Column("updated_at", "instant", "When it was changed last."),
    ),
)
RATES = Table(
    "Rates",
    (
        Column("date", "date", "Of which day it is quoted."),
        Column("base", "label", "One of this currency"),
        Column("quote", "label", "in this one"),
        Column("rate", "rate", "is worth so much."),
        Column("source", "label", "own: set here; ecb: the European Central Bank's reference rate."),
        Column("known_from", "instant", "Since when it is known as it is."),
    ),
)
TABLES: Mapping[str, Table] = {
    "transactions": TRANSACTIONS,
    "entries": ENTRIES,
    "splits": SPLITS,
    "accounts": ACCOUNTS,
    "categories": CATEGORIES,
    "balances": BALANCES,
    "rules": RULES,
    "budgets": BUDGETS,
    "rates": RATES,
}
