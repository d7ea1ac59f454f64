"""The product as real processes that are killed at any moment."""
