"""Printed pages: plain data in, a PDF out.

Must not know records or rights; whoever prints has read the record already.
"""
