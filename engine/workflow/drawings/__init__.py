"""Drawings of workflows and approvals, made from their definitions."""
