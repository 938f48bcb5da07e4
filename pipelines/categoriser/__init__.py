"""The categoriser that all share: trained when it is due, tried beside what serves, and then promoted."""
