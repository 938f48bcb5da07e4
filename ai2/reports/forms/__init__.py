"""Forms: reports that need more than sums of the ledger, and keep what their cells are made of."""
