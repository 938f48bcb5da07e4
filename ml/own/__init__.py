"""An organization's own categories, learnt from its own history, and kept in it."""
