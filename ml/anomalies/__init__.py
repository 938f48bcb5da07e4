"""Anomalies: what in the books is unlike what was known until then, and what would have been normal."""
