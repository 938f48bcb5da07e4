"""The batch engine: what is stored and undecided, from the database to the database, however much it is."""
