"""From a spreadsheet to records, in steps that can be looked at and taken back: read, understood, rehearsed, run."""
