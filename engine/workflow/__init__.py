"""Stages, requirements and people's decisions: what may happen to a record next, and who decides it."""
