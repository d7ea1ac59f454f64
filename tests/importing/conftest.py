"""The desk of the records, with spreadsheets brought to it."""

from tests.records.conftest import desk, shared_desk

__all__ = ["desk", "shared_desk"]
