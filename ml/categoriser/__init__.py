"""The categoriser: from the text of a transaction to Plaid's detailed category, with a confidence that is one."""
