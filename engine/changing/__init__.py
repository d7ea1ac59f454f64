"""Before a definition runs, and when it changes while records run: look ahead, look back, bring along, clear up."""
