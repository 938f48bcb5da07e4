"""The books: accounts, categories, transactions and what follows from them. The only writer of those tables."""
