"""Extraction: what a receipt or an invoice says, from whatever it came as, without a template for any supplier."""
