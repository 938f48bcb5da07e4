"""Problems: what went wrong and what to do next, in the shape of RFC 9457.

A refusal is a small class named after the business fact; its docstring is the title a reader sees. The
rejected value is never repeated: it may be somebody's secret.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One field of a request that does not hold: a dotted path and what is expected of it."""

    field: str
    message: str


class Problem(Exception):
    """Something could not be done."""

    status = 500
    # whether what was written before this is kept: a refusal that ends a session must end it
    keeps_changes = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: int | None = None,
        **extra: Any,
    ) -> None:
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.extra = extra
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        return (type(self).__doc__ or type(self).__name__).splitlines()[0].rstrip(".")

    @property
    def code(self) -> str:
        """The class name in snake_case: `NotFound` is `not_found`."""
        name = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


class Unreadable(Problem):
    """The input could not be read."""

    status = 400


class Unauthorized(Problem):
    """A valid credential is needed: sign in or send an API key."""

    status = 401


class Forbidden(Problem):
    """Your role does not allow this; ask an owner or admin."""

    status = 403


class NotFound(Problem):
    """There is nothing here, or it is not yours."""

    status = 404


class Conflict(Problem):
    """This contradicts what is already there."""

    status = 409


class Stale(Problem):
    """It changed since you read it; read it again and repeat your change."""

    status = 412


class TooLarge(Problem):
    """It is larger than is accepted; send it in parts."""

    status = 413


class UnsupportedMediaType(Problem):
    """This media type is not accepted here."""

    status = 415


class Invalid(Problem):
    """The request does not hold; correct the named fields."""

    status = 422


class TooManyRequests(Problem):
    """Too many requests; wait and try again."""

    status = 429


class Unavailable(Problem):
    """A part that this needs is down; try again later."""

    status = 503
