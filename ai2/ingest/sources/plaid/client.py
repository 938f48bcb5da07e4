"""The client: the official SDK makes, checks and sends the request; the answer is taken as the bytes that came.

The SDK's own reading of answers would make amounts floats, and would log the tokens that they hold.
"""

from functools import lru_cache
from importlib import import_module
from typing import Any

from ai2.ingest.sources.model import Pace
from ai2.ingest.sources.plaid.problems import PlaidNotSetUp, PlaidRefused, PlaidUnreachable, refusal
from ai2.kit.settings import settings

# To connect, and between two pieces of an answer.
PATIENCE_S = (5.0, 30.0)
# 500 transactions are about 1 MB.
LARGEST_BYTES = 64_000_000
HOSTS = {"sandbox": "https://sandbox.plaid.com", "production": "https://production.plaid.com"}


class Client:
    """Plaid, asked with this installation's keys. Raises PlaidNotSetUp where there are none."""

    def __init__(self, pace: Pace | None = None, credential: str = "") -> None:
        """`credential`: whose calls Plaid counts, an Item's or, before there is one, a customer's."""
        keys = settings()
        if not keys.plaid_client_id or keys.plaid_secret is None:
            raise PlaidNotSetUp
        url = (keys.plaid_url or HOSTS[keys.plaid_env]).rstrip("/")
        self._api = _api(url, keys.plaid_client_id, keys.plaid_secret.get_secret_value())
        self._pace, self._credential = pace, credential

    def ask(self, operation: str, **fields: Any) -> bytes:
        """The answer to an operation, named as in the SDK. Raises Transient, Permanent and Mutated."""
        if self._pace:
            self._pace(self._credential)
        answer = self._answer(operation, fields)
        if isinstance(answer, Exception):  # raised here, where what the SDK said of it is no more
            raise answer
        return answer

    def _answer(self, operation: str, fields: dict[str, Any]) -> bytes | Exception:
        from plaid.exceptions import ApiException, OpenApiException
        from urllib3.exceptions import HTTPError

        try:
            request = _request(operation)(**fields, _configuration=self._api.api_client.configuration)
            response = getattr(self._api, operation)(request, _preload_content=False, _request_timeout=PATIENCE_S)
            return _content(response)
        except ApiException as error:
            return refusal(error.status or 0, error.headers or {}, error.body)
        except (HTTPError, OSError, UnicodeDecodeError):  # the last is the SDK's, of an error page of somebody's proxy
            return PlaidUnreachable()
        except OpenApiException:  # of what we ask; answers are not read by it
            return PlaidRefused()


def _content(response: Any) -> bytes:
    try:
        content: bytes = response.read(LARGEST_BYTES + 1, decode_content=True)
        if len(content) > LARGEST_BYTES:
            raise OSError("an answer without end")
        return content
    finally:
        response.release_conn()


def _request(operation: str) -> Any:
    """The SDK's model of what an operation is asked with."""
    name = "".join(word.capitalize() for word in operation.split("_"))
    return getattr(import_module(f"plaid.model.{operation}_request"), f"{name}Request")


@lru_cache(maxsize=4)
def _api(url: str, client_id: str, secret: str) -> Any:
    """The SDK, with one pool of connections a process. It is slow to import: whoever never asks Plaid is spared."""
    from plaid.api.plaid_api import PlaidApi
    from plaid.api_client import ApiClient
    from plaid.configuration import Configuration
    from urllib3 import Retry

    configuration = Configuration(host=url, api_key={"clientId": client_id, "secret": secret})
    # what is tried again, and when, is for the engine to say; and nobody is sent elsewhere with our keys
    configuration.retries = Retry(total=0, redirect=0, raise_on_redirect=False)
    return PlaidApi(ApiClient(configuration))
