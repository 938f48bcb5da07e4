"""What can go wrong when somebody signs in elsewhere."""

from ai2.kit.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable


class ProviderNotFound(NotFound):
    """No such provider is configured; GET /api/core/auth/oidc lists those that are."""


class ProviderDown(Unavailable):
    """The provider does not answer as it should; try again shortly, or sign in another way."""


class SignInRefused(Unauthorized):
    """The provider did not confirm who you are; begin the sign-in again."""


class SignInNotValid(Unauthorized):
    """This sign-in is over, or was begun elsewhere; begin it again where you finish it."""


class IdentityUnknown(Forbidden):
    """Nobody here has this identity; repeat the request with an invitation, or with a registration where it is open."""


class EmailNotVerified(Forbidden):
    """The provider has not verified your e-mail address; verify it there, and sign in again."""


class InvitationForAnother(Forbidden):
    """The invitation is for another e-mail address than the provider says is yours."""


class AccountExists(Conflict):
    """There is an account with this e-mail address; sign in to it, and link this identity to it there."""


class IdentityTaken(Conflict):
    """This identity is linked to another account; unlink it there first."""


class IdentityNotFound(NotFound):
    """There is no such identity; GET /api/core/auth/identities lists yours."""


class LastWayIn(Conflict):
    """You have no password and no other identity to sign in with; link another first."""
