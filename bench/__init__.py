"""Measurements of the generic engine against a hand-written application with the same duties."""
