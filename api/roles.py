"""Roles: who may do what. One table, read top to bottom; every role may also do what those above it may."""

from ai2.identity.principal import Principal, Role
from ai2.kit.errors import Forbidden

# No credential: whoever has none yet, and machines that look whether we are well.
PUBLIC = frozenset({
    "register", "login", "refresh", "accept_invitation", "health", "ready", "metrics", "openapi", "docs",
})  # fmt: skip

MAY = {
    Role.VIEWER: {
        "me", "logout", "list_sessions", "end_session",
        "get_organization", "list_members",
        "list_accounts", "get_account", "list_balances",
        "list_transactions", "get_transaction", "get_transaction_history", "export_transactions", "list_transfers",
        "list_categories",
        "list_rules", "get_rule", "preview_rules", "list_rule_applications",
        "list_imports", "get_import", "list_import_rows", "download_rejects", "list_layouts",
        "get_dashboard", "list_events",
        "get_ai_status", "analyze_transaction", "batch_analyze", "get_batch_analysis",
    },
    Role.ACCOUNTANT: {
        "create_transaction", "update_transaction", "delete_transaction", "create_transactions", "update_transactions",
        "pair_transfer", "take_transfer_apart", "accept_transfer", "reject_transfer",
        "create_category", "update_category", "delete_category", "merge_category",
        "create_rule", "update_rule", "delete_rule", "apply_rule", "undo_rule_application",
        "import_file", "undo_import", "replay_import", "replay_account", "resubmit_rejects",
        "give_feedback",
    },
    Role.ADMIN: {
        "create_account", "update_account", "delete_account", "set_layout", "delete_layout",
        "list_api_keys", "create_api_key", "revoke_api_key",
        "update_organization", "update_member", "remove_member",
        "list_invitations", "create_invitation", "revoke_invitation",
    },
    Role.OWNER: set[str](),
}  # fmt: skip

LEAST = {operation: role for role, operations in MAY.items() for operation in operations}


class RoleTooLow(Forbidden):
    """Your role does not allow this; ask an owner or admin of your organization."""


def check(principal: Principal, operation: str) -> None:
    """Refuse an operation that the principal's role does not have."""
    require(principal, LEAST[operation])


def require(principal: Principal, least: Role) -> None:
    if not principal.role.covers(least):
        raise RoleTooLow(f"This needs the role {least} or a higher one; yours is {principal.role}.")
