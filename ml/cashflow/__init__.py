"""Cash flow: what will probably come in and go out, and what the accounts will hold, with honest intervals."""
