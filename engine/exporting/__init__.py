"""A list or the rows behind a figure, from what one may see of it to a file one may take along, step by step."""
