"""Reactions to what happened: the outbox is emptied, people are told, due work is done.

Must not change records around the commands; and must be safe to run twice.
"""
