"""Categories: the organization's own tree."""
