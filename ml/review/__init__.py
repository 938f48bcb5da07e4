"""The review queue: what is not sure enough to be applied, for a person to say yes or no to."""
