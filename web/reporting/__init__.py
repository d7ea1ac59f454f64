"""Reports on pages, on paper and in spreadsheets: what ``engine/reports`` worked out, said to one reader.

Must not compute a figure, nor decide who may see one: the engine does both.
"""
