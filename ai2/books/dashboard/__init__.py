"""The dashboard: the organization's money at a glance, from totals."""
