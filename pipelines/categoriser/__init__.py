"""The categoriser: the model that all share, trained and compared every night."""
