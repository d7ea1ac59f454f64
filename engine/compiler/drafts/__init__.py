"""An entity made from something that is no definition yet: a JSON Schema, or the columns of a spreadsheet.

Enters: a document or cells. Leaves: a ``Draft`` and its text, which checks. Must not fetch anything, nor drop silently
what a definition cannot say: that is a note in words.
"""
