"""Connections: banks, mailboxes and servers that an organization's data is fetched from, kept in step by syncs."""
