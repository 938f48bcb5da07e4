"""Own categories: each organization's model, learnt from its own history."""
