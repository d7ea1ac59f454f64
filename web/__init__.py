"""The web and the command line: pages, JSON API, commands. Everything they do, they ask of the engine."""
