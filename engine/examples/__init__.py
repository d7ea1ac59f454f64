"""Examples: what a definition promises, played in a transaction that is rolled back.

Stands above automation: it does what people do, through the same commands, and lets time pass. Must not leave anything.
"""
