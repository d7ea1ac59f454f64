"""How a message is written for each kind of channel, and how its answers are read.

One module each, with ``write`` (a message and an opened channel to parcels) and, for requests, ``judge`` (an answer to
a verdict). Must not send anything, nor ask the database.
"""
