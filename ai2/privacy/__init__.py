"""Privacy: what is kept of people and organizations, for how long, how they get it and how it goes."""
