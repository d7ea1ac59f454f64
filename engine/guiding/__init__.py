"""From an empty installation to the first approved quote: what is done, what is left, how long it took.

Must not be needed by anything else: a site that never opens the guide lacks nothing.
"""
