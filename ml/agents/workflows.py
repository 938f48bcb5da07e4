"""Workflows: which agents each has, and which of them wait for which. One is offered where all its agents are there."""

from typing import Literal

from ml.agents import anomalies, classification, closing, insights, learning, recurring, tax
from ml.agents.agent import Step

Workflow = Literal["categorize", "full_analysis", "tax_review", "monthly_close"]

# What people taught comes first: it is not suggested again.
_LEARNING = Step("learning", learning.run)
_CLASSIFICATION = Step("classification", classification.run, deadline_s=1800.0)
_RECURRING = Step("recurring", recurring.run)
# A payment may be missing of what recurs.
_ANOMALIES = Step("anomalies", anomalies.run, after=("recurring",))
# What is deductible follows from the category.
_TAX = Step("tax", tax.run, after=("classification",))
_INSIGHTS = Step("insights", insights.run, after=("classification",), deadline_s=300.0)
_CLOSING = Step("closing", closing.run, after=("classification",))

WORKFLOWS: dict[Workflow, tuple[Step, ...]] = {
    "categorize": (_LEARNING, _CLASSIFICATION),
    "full_analysis": (_LEARNING, _CLASSIFICATION, _RECURRING, _ANOMALIES, _TAX, _INSIGHTS),
    "tax_review": (_LEARNING, _CLASSIFICATION, _TAX),
    "monthly_close": (_LEARNING, _CLASSIFICATION, _RECURRING, _ANOMALIES, _TAX, _INSIGHTS, _CLOSING),
}
# What is closed is a period.
OF_A_PERIOD = frozenset({"monthly_close"})
# These look at nothing but their scope, and so are as small as it is.
SMALL = frozenset({"categorize", "tax_review"})
