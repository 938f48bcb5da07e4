"""Headers: what the description says of those that every route shares, so that generated clients know them."""

from typing import Any

from api import roles
from api.unit import REPEATABLE

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request with the same key has its effect once, and gets the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
WHOLE, TEXT = {"type": "integer"}, {"type": "string"}
HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {"description": "Names this request in logs and in the audit.", "schema": TEXT},
    "RateLimit-Limit": {"description": "Requests that the credential may make in a window.", "schema": WHOLE},
    "RateLimit-Remaining": {"description": "Those left in this window.", "schema": WHOLE},
    "RateLimit-Reset": {"description": "Seconds until the next window.", "schema": WHOLE},
    "Retry-After": {"description": "Seconds to wait, where trying again may help.", "schema": WHOLE},
    "Idempotency-Replayed": {"description": "true where a former answer is given again.", "schema": TEXT},
    "ETag": {"description": "The version, to send as `If-Match`.", "schema": TEXT},
}
EVERYWHERE = ("X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def tell(described: dict[str, Any]) -> None:
    """Add to a description what routes share: the key of a POST, and the headers of answers."""
    described["components"]["headers"] = HEADERS
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/"):
                _tell(method, operation)


def _tell(method: str, operation: dict[str, Any]) -> None:
    once = method == "post" and operation["operationId"] not in roles.PUBLIC | REPEATABLE
    if once:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    guarded = any(parameter.get("name", "").lower() == "if-match" for parameter in operation.get("parameters", []))
    for status, answer in operation["responses"].items():
        named = list(EVERYWHERE)
        if status.startswith("2"):
            named += ["Idempotency-Replayed"] * once + ["ETag"] * (guarded and "content" in answer)
        else:
            named.append("Retry-After")
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
