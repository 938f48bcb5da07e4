"""What the entries of the ledger sum to, and which they are."""
