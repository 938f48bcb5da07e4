"""Sources: where money data is fetched from, one file a provider, found by being there (names.py)."""
