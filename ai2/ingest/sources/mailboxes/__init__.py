"""Mailboxes: what every source that speaks IMAP shares (RFC 9051, 3501, 2177)."""
