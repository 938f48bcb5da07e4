"""One file a report: which lines it has, and what is on each."""
