"""Recurring: what comes again and again: bills, subscriptions, wages; when each is due next, and what became dearer."""
