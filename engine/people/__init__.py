"""People: who they are, how they prove it, and which roles and departments they have.

Stands between storage and records: every command above asks here who is acting. Must not know records or stages.
"""
