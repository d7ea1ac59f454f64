"""Reactions to what happened: timers are fired, the outbox is emptied, people are told.

Must not change records around the commands; and must be safe to run twice.
"""
