"""One file a format: a report as people and programs read it."""
