"""Pictures of how things go: boxes, arrows and labels placed, for a page, a file or a terminal to show."""
