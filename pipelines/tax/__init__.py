"""Tax: the rules that are shipped, and whether they are still up to date."""
