"""Governance: what a training learns from, how it is measured and judged, which version serves, when one is due."""
