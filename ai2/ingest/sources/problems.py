"""What a provider's refusals mean for us: try again later, or somebody has to do something first."""

from typing import Literal

from ai2.kit.errors import Conflict, Problem, Unauthorized, Unreadable

# What a connection becomes by it.
Lasting = Literal["needs_consent", "expired", "error"]


class Transient(Problem):
    """The provider does not answer as it should just now; it is tried again by itself."""

    status = 503
    # false: it is of one account, or of a bank behind the provider, and nobody else who asks the provider has to wait
    is_the_providers = True


class PutOff(Transient):
    """There is nothing to be had before a time, which is nobody's failure; it is asked for then."""

    is_the_providers = False


class Permanent(Problem):
    """The provider refuses; it is not tried again before somebody does what `what_to_do` says."""

    status = 422
    becomes: Lasting = "error"
    what_to_do = "Look at the error, correct the connection's settings, and sync it again."


class ConsentNeeded(Permanent):
    """The provider asks its customer to sign in again."""

    becomes: Lasting = "needs_consent"
    what_to_do = "Connect again with reconnect naming this connection: its accounts and where it stands are kept."


class ConsentExpired(ConsentNeeded):
    """The time for which the customer consented is over."""

    becomes: Lasting = "expired"


class CredentialsRefused(Permanent):
    """The provider does not accept these credentials."""

    what_to_do = "Connect again with reconnect naming this connection, and give credentials that are valid."


class FinishedAlready(Conflict):
    """What came back from the link was taken already."""


class WebhookRefused(Unauthorized):
    """This webhook is not signed by its provider, or was not just now."""


class WebhookNotUnderstood(Unreadable):
    """This webhook is not what its provider describes."""
