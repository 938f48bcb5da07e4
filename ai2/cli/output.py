"""What a command says: to people on a terminal, to programs as JSON, and a sentence instead of a traceback."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape

from ai2.kit.errors import Problem
from ai2.kit.masking import masked
from ai2.kit.secrets import SecretsExposed
from ai2.kit.settings import SettingsFileError

console = Console(highlight=False, soft_wrap=True)
trouble = Console(highlight=False, soft_wrap=True, stderr=True)

PROBLEM = 1


@contextmanager
def problems(*, as_json: bool = False) -> Iterator[None]:
    """Turn what may go wrong into what to do, and exit code 1."""
    from psycopg import OperationalError
    from pydantic import ValidationError

    from ai2.kit import logs
    from ai2.kit.master_keys import MasterKeyUnusable
    from ai2.kit.migrate import NotAnAdministrator
    from ai2.kit.postgres import PostgresFailed

    logs.configure("cli", "warning")
    try:
        yield
    except Problem as problem:
        _say(problem_details(problem), as_json=as_json)
        raise typer.Exit(PROBLEM) from None
    except (OSError, MasterKeyUnusable, PostgresFailed, NotAnAdministrator, SecretsExposed, SettingsFileError) as error:
        _say({"code": "failed", "title": str(error), "status": 500}, as_json=as_json)
        raise typer.Exit(PROBLEM) from None
    except OperationalError as error:
        _say(
            {"code": "database_down", "title": f"The database does not answer: {error}", "status": 503}, as_json=as_json
        )
        raise typer.Exit(PROBLEM) from None
    except ValidationError as error:
        wrong = ", ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        _say({"code": "settings", "title": f"A setting does not hold. {wrong}", "status": 500}, as_json=as_json)
        raise typer.Exit(PROBLEM) from None


def problem_details(problem: Problem) -> dict[str, Any]:
    """The problem as in RFC 9457."""
    return {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "errors": [asdict(error) for error in problem.errors],
        **problem.extra,
    }


def print_json(value: Any) -> None:
    """JSON as the API writes it: decimals as strings, so that no reader makes floats of them."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Decimal | UUID | date):
        return str(value)
    raise TypeError(type(value).__name__)


def _say(details: dict[str, Any], *, as_json: bool) -> None:
    details = masked(details)
    if as_json:
        print_json(details)
        return
    trouble.print(f"[red]✗[/] {escape(str(details.get('detail') or details['title']))}")
    for error in details.get("errors", []):
        trouble.print(f"  {escape(error['field'])} {escape(error['message'])}")
    for question in details.get("questions", []):
        option = question["field"].replace("_", "-")
        trouble.print(f"  Say it with [bold]--{escape(option)} {escape('|'.join(question['choices']))}[/]")
