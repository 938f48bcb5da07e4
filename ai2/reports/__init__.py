"""Reports: statements over the ledger, defined once each, that add up, explain themselves and can be reproduced."""
