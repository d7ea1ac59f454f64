"""Examples: what a definition promises, played in a transaction that is rolled back.

Stands between workflow and automation: it does what people do, through the same commands. Must not leave anything.
"""
