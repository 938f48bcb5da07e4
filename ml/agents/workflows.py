"""Workflows: which agents each has, and which of them wait for which. One is offered where all its agents are there."""

from collections.abc import Mapping
from typing import Literal

from ml.agents import classification, closing, learning
from ml.agents.agent import Step

Workflow = Literal["categorize", "monthly_close"]

_LEARNING = Step("learning", learning.run)
# What people taught comes first: it is not suggested again.
_CLASSIFICATION = Step("classification", classification.run, deadline_s=1800.0)

WORKFLOWS: Mapping[Workflow, tuple[Step, ...]] = {
    "categorize": (_LEARNING, _CLASSIFICATION),
    "monthly_close": (_LEARNING, _CLASSIFICATION, Step("closing", closing.run, after=("classification",))),
}
# What is closed is a period.
OF_A_PERIOD = frozenset({"monthly_close"})
