"""Recurring patterns: what a payment continues is what the payments before it were."""

from ml.answers import Verdict
from ml.categoriser.decide import decision_at
from ml.recurring.detect import VERSION
from ml.recurring.service import RecurringMatch


def verdict(match: RecurringMatch | None) -> Verdict | None:
    """What the pattern's own payments agree on; none where they do not."""
    if match is None or match.category_id is None:
        return None
    return Verdict(
        detailed=None,
        confidence=match.confidence,
        decision=decision_at(match.confidence),
        decided_by="recurring",
        version=f"{VERSION}/{match.pattern_id}",
        reasons=match.reasons,
        category_id=match.category_id,
    )
