"""Problems: every one has a title for people, a code for programs, a status and never the refused value."""

from collections.abc import Iterator

import pytest

from ai2.kit import errors
from ai2.kit.errors import FieldError, Invalid, Problem


def kinds(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def test_the_code_is_the_name() -> None:
    assert errors.NotFound().code == "not_found"


def test_the_title_is_the_docstring() -> None:
    assert errors.NotFound().title == "There is nothing here, or it is not yours"


def test_the_detail_is_the_title_unless_said() -> None:
    assert errors.NotFound().detail == errors.NotFound().title
    assert str(errors.NotFound("gone")) == "gone"


def test_carries_fields_and_more() -> None:
    problem = Invalid(errors=(FieldError("amount", "is a number"),), retry_after_s=3, questions=[])
    assert problem.errors[0].field == "amount"
    assert problem.retry_after_s == 3
    assert problem.extra == {"questions": []}


@pytest.mark.parametrize("kind", sorted(kinds(), key=lambda kind: kind.__name__))
def test_every_problem_says_what_it_is(kind: type[Problem]) -> None:
    assert kind.__doc__
    assert kind.__doc__ != Problem.__doc__ or kind is Problem
    assert 400 <= kind.status < 600
