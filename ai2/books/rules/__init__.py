"""Rules: what an organization wants decided, matched, run and taken back."""
