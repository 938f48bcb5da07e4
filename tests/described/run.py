"""A run of Schemathesis over the whole description, in one role: what it asked, what was answered, what is wrong."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import Status, events, from_schema

from api.schemas import DAY
from tests.api.test_any_input import GOOD
from tests.described.held import HELD, Holding
from tests.described.stock import Stock

NOBODY = str(UUID(int=0))
# Whatever is written down meanwhile is of later days.
CLOSED_THROUGH = "2020-12-31"
# It ends the session that asks; the roles that ask with a key cover it.
ENDS_ITSELF = {"owner": ["logout"]}
# What Schemathesis cannot know: what holds in a description need not hold in the books.
BY_THE_BOOKS = ["401", "403", "404", "409", "412", "413", "422", "429"]
# Bytes may be no file, or of no kind that is taken: that is 400 or 415.
FILES = ["import_file", "resubmit_rejects", "add_attachment"]


@dataclass
class Found:
    """What a run came to."""

    role: str
    seed: int
    answers: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(sum(each.values()) for each in self.answers.values())

    def succeeded(self) -> set[str]:
        """The operations that were answered by a success at least once."""
        return {label for label, statuses in self.answers.items() if any(200 <= status < 300 for status in statuses)}


def run(
    address: str,
    role: str,
    stock: Stock,
    *,
    examples: int,
    seed: int,
    phases: dict[str, Any],
    held: dict[str, Holding] = HELD,
    good: dict[str, dict[str, Any]] = GOOD,
) -> Found:
    """Ask everything that this role can ask."""
    credential = {"Authorization": f"Bearer {stock.tokens['access_token']}"}
    if role != "owner":
        credential = {"X-API-Key": stock.keys[role]}
    schema = schemathesis.openapi.from_url(
        f"{address}/openapi.json", config=_config(credential, examples=examples, seed=seed, phases=phases)
    )
    for operation in ENDS_ITSELF.get(role, []):
        schema = schema.exclude(operation_id=operation)
    found = Found(role, seed)
    schemathesis.hooks.unregister_all()
    filler = _Filler(stock, Random(seed), held, good)

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        filler.fill(case)

    try:
        for event in from_schema(schema).execute():
            _note(event, found)
    finally:
        schemathesis.hooks.unregister_all()
    return found


def _config(credential: dict[str, str], *, examples: int, seed: int, phases: dict[str, Any]) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict({
        "seed": seed,
        "headers": credential,
        "request-timeout": 60.0,
        "continue-on-failure": True,
        "generation": {"max-examples": examples, "no-shrink": True, "database": "none", "allow-x00": True},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", *BY_THE_BOOKS]},
            # 431: a value so long that its address is longer than any is read
            "negative_data_rejection": {"expected-statuses": ["400", "405", "415", "431", *BY_THE_BOOKS]},
        },
        "operations": [
            {
                "include-operation-id": FILES,
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "415", *BY_THE_BOOKS]}},
            }
        ],
        "phases": phases,
        "suppress-health-check": ["all"],
        "output": {"sanitization": {"enabled": False}},
    })  # fmt: skip


class _Filler:
    """Puts real ids where a request names one, and now and then a whole body that holds."""

    def __init__(self, stock: Stock, random: Random, held: dict[str, Holding], good: dict[str, dict[str, Any]]) -> None:
        self.stock, self.random, self.held, self.good = stock, random, held, good

    def fill(self, case: Any) -> None:
        meta = case.meta
        if meta is None or meta.generation.mode.is_negative:
            self._spare(case)
            return
        path = case.operation.path
        if path in self.good and case.method != "GET" and isinstance(case.body, dict) and self.random.random() < 0.4:
            case.body = json.loads(json.dumps(self.good[path], default=str))
            self._freshen(case.body)
        self._fill(case.path_parameters or {}, always=True)
        self._fill(case.query or {})
        self._fill(case.body)
        if "Idempotency-Key" in (case.headers or {}) and self.random.random() < 0.8:
            case.headers["Idempotency-Key"] = str(UUID(int=self.random.getrandbits(128)))
        name = case.operation.definition.raw.get("operationId")
        if name in self.held and self.random.random() < 0.3:
            self.held[name](case, self.stock)
        self._spare(case)

    def _fill(self, value: Any, *, always: bool = False) -> None:
        if isinstance(value, list):
            for each in value:
                self._fill(each)
        if not isinstance(value, dict):
            return
        for name, held in value.items():
            if name.endswith("_id") and isinstance(held, str) and (always or self.random.random() < 0.7):
                value[name] = self.stock.some(_kind(name)) or held
            elif name.endswith("_ids") and isinstance(held, list) and held:
                value[name] = [self.stock.some(_kind(name[:-1])) or each for each in held]
            else:
                self._fill(held)

    def _freshen(self, body: dict[str, Any]) -> None:
        """A name that is taken already would be refused."""
        if isinstance(body.get("name"), str):
            body["name"] = self.stock.name(body["name"])
        if isinstance(body.get("email"), str):
            body["email"] = self.stock.name("guest") + "@example.com"
        if "into" in body:
            body["into"] = self.stock.some("category_id")

    def _spare(self, case: Any) -> None:
        """The run goes on only while its own keys, session and person are there, and the books are open."""
        for name, held in (case.path_parameters or {}).items():
            if held in self.stock.protected:
                case.path_parameters[name] = NOBODY
        if isinstance(case.body, dict) and DAY.fullmatch(str(case.body.get("through"))):
            case.body["through"] = min(case.body["through"], CLOSED_THROUGH)
        # nobody of the run has a second factor: it would lock all of them out
        if isinstance(case.body, dict) and case.body.get("require_second_factor") is True:
            case.body["require_second_factor"] = False


def _kind(name: str) -> str:
    """`other_transaction_id` names a transaction."""
    return "_".join(name.split("_")[-2:]) if name not in {"batch_id", "api_key_id"} else name


def _note(event: Any, found: Found) -> None:
    if isinstance(event, events.NonFatalError):
        found.errors.append(f"{event.label}: {event.info.format()}")
        print(f"ERROR as {found.role}: {found.errors[-1]}", flush=True)
    elif isinstance(event, events.FatalError):
        raise event.exception
    elif isinstance(event, events.ScenarioFinished):
        _note_answers(event.recorder, found)


def _note_answers(recorder: Any, found: Found) -> None:
    for case_id, interaction in recorder.interactions.items():
        if interaction.response is not None and case_id in recorder.cases:
            operation = recorder.cases[case_id].value.operation
            found.answers[operation.label][interaction.response.status_code] += 1
    for checks in recorder.checks.values():
        for check in checks:
            if check.status == Status.FAILURE and check.failure_info:
                failure: Failure = check.failure_info.failure
                _tell((failure.operation, check.name, failure.title), check.failure_info, found)


def _tell(key: tuple[str, str, str], info: Any, found: Found) -> None:
    if key not in found.failures:
        found.failures[key] = f"{info.failure.message}\n{info.code_sample}"
        print(f"\nFAILURE as {found.role}", *key, found.failures[key], sep="\n  ", flush=True)
