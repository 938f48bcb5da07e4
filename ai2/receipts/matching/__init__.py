"""Matching: which transactions paid which receipts. Pure: no database, no tenant, and each time the same answer."""
