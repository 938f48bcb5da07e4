"""Key figures and trends: what the ledger says in a few numbers, each beside what it was and what it is made of."""
