"""Clients that are made from the API's description."""
