"""Mails: every message as it came, kept once, what is known of its sender, and the parts that are in it."""
