"""Roles: who may do what. One table, read top to bottom; every role may also do what those above it may.

API keys have a role too, and scopes below it where they were given some: the second table.
"""

from ai2.identity.principal import Principal, Role, Scope
from ai2.kit.errors import Forbidden

# No credential: whoever has none yet, and machines that look whether we are well.
PUBLIC = frozenset({
    "register", "login", "refresh", "accept_invitation",
    "list_oidc_providers", "authorize_oidc", "return_from_oidc", "finish_oidc",
    # a consent's secret, and a mailbox's token, say who it is
    "return_from_consent", "receive_mail", "receive_mail_by_token",
    "return_from_bank",
    # their signatures say who sends them
    "receive_webhook", "receive_provider_webhook",
    "health", "ready", "metrics", "openapi", "docs", "jwks",
})  # fmt: skip

MAY = {
    Role.VIEWER: {
        "me", "logout", "change_password", "list_sessions", "end_session",
        "get_second_factor", "create_second_factor", "confirm_second_factor", "renew_recovery_codes",
        "disable_second_factor",
        "link_oidc", "list_identities", "unlink_identity",
        "get_organization", "get_organization_history", "list_members",
        "list_accounts", "get_account", "list_balances",
        "list_transactions", "get_transaction", "get_transaction_history", "export_transactions", "list_transfers",
        "list_attachments", "download_attachment",
        "list_categories",
        "list_filters", "get_filter", "create_filter", "update_filter", "delete_filter",
        "list_rules", "get_rule", "preview_rules", "list_rule_applications",
        "list_imports", "get_import", "list_import_rows", "download_rejects", "list_layouts",
        "get_dashboard", "list_events",
        # of oneself; of the organization they ask for its owner
        "export_privacy", "get_privacy_export", "download_privacy_export", "erase_privacy", "get_retention",
        "list_periods", "get_rate", "list_own_rates", "list_budgets", "get_budget",
        "get_ai_status", "get_learning_stats", "analyze_transaction", "batch_analyze", "get_batch_analysis",
        "list_suggestions", "get_orchestration",
        "list_recurring", "get_recurring",
        "analyze_tax", "calculate_tax", "list_deduction_suggestions", "download_evidence_pack",
        "get_tax_profile", "list_tax_rules",
        "get_forecast",
        "get_insights", "get_recommendations", "list_anomalies", "get_anomaly",
        "generate_report", "list_reports", "get_report", "explain_cell", "download_report", "report_changes",
        "get_chart", "get_key_figures", "get_trends",
        "export_data", "list_exports", "get_export", "get_export_manifest", "download_export",
        "list_schedules", "get_schedule", "list_schedule_runs",
        "list_providers", "list_connections", "get_connection", "list_syncs", "list_sync_status",
        "list_receipts", "get_receipt", "download_receipt", "list_receipt_matches",
        "list_mails", "get_mail",
    },
    Role.ACCOUNTANT: {
        "create_transaction", "update_transaction", "delete_transaction", "create_transactions", "update_transactions",
        "put_splits", "add_attachment", "delete_attachment",
        "pair_transfer", "take_transfer_apart", "accept_transfer", "reject_transfer",
        "create_category", "update_category", "delete_category", "merge_category",
        "create_rule", "update_rule", "delete_rule", "apply_rule", "undo_rule_application",
        "import_file", "undo_import", "replay_import", "replay_account", "resubmit_rejects",
        "give_feedback", "request_suggestions", "accept_suggestion", "reject_suggestion", "answer_suggestions",
        "confirm_recurring", "dismiss_recurring",
        "dismiss_anomaly", "reopen_anomaly",
        "orchestrate",
        # it does what they may do, and takes it back; of a model, an admin of operators alone
        "preview_effects",
        "create_schedule", "update_schedule", "delete_schedule",
        "sync_connection", "import_mail_statements",
        "add_receipt", "delete_receipt", "accept_receipt", "reject_receipt",
        "close_period", "put_rate", "delete_rate", "create_budget", "update_budget", "delete_budget",
    },
    Role.ADMIN: {
        "create_account", "update_account", "delete_account", "set_layout", "delete_layout",
        "list_api_keys", "create_api_key", "revoke_api_key",
        "list_institutions", "connect_bank", "finish_bank", "finish_connection", "delete_connection",
        "link_account",
        "connect_third_party", "preview_third_party",
        "connect_email", "authorize_connection", "finish_consent",
        "update_organization", "update_member", "remove_member", "put_tax_profile",
        "reopen_period",
        "list_invitations", "create_invitation", "revoke_invitation",
        "list_audit", "verify_audit",
        # what answers for everyone: for admins of operators alone
        "list_models", "promote_model", "roll_back_model", "show_dbt_docs", "show_data_docs", "show_data_docs_page",
    },
    Role.OWNER: {"update_retention"},
}  # fmt: skip

# What is left to who has no second factor where their organization requires one.
ENROLMENT = frozenset({
    "me", "logout", "change_password", "list_sessions", "end_session", "get_second_factor", "create_second_factor",
    "confirm_second_factor", "disable_second_factor",
})  # fmt: skip

LEAST = {operation: role for role, operations in MAY.items() for operation in operations}


# What a key with scopes may: what lies in one of them and its role allows. Who it is, every key may ask.
IMPORTS = {
    "import_file", "undo_import", "replay_import", "replay_account", "resubmit_rejects",
    "list_imports", "get_import", "list_import_rows", "download_rejects",
    "list_accounts", "list_layouts",
}  # fmt: skip
SCOPES = {
    Scope.READ: MAY[Role.VIEWER],
    Scope.WRITE: MAY[Role.ACCOUNTANT] - IMPORTS,
    Scope.IMPORTS: IMPORTS,
    Scope.ACCOUNTS: {
        "list_accounts", "get_account", "create_account", "update_account", "delete_account",
        "list_layouts", "set_layout", "delete_layout",
    },
    Scope.ADMIN: MAY[Role.ADMIN] | MAY[Role.OWNER],
}  # fmt: skip
EVERY_SCOPE = {"me", "logout"}


class RoleTooLow(Forbidden):
    """Your role does not allow this; ask an owner or admin of your organization."""


class SecondFactorRequired(Forbidden):
    """Your organization requires a second factor; set one up with POST /api/core/auth/second-factor."""


class ScopeMissing(Forbidden):
    """The scopes of this API key do not allow this; use a key that has another."""


def check(principal: Principal, operation: str) -> None:
    """Refuse an operation that the principal's role does not have, or none of a key's scopes."""
    if principal.lacks_second_factor and operation not in ENROLMENT:
        raise SecondFactorRequired
    require(principal, LEAST[operation])
    if operation not in EVERY_SCOPE:
        require_scope(principal, *(scope for scope, operations in SCOPES.items() if operation in operations))


def require(principal: Principal, least: Role) -> None:
    if not principal.role.covers(least):
        raise RoleTooLow(f"This needs the role {least} or a higher one; yours is {principal.role}.")


def require_scope(principal: Principal, *any_of: Scope) -> None:
    """Refuse an API key that has scopes, and none of these."""
    if principal.scopes is not None and principal.scopes.isdisjoint(any_of):
        has = ", ".join(sorted(principal.scopes)) or "none"
        raise ScopeMissing(f"This needs an API key with the scope {' or '.join(any_of)}; yours has {has}.")
