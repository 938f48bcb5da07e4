"""Passwords: which are refused because attackers try them first, and how one is changed."""
