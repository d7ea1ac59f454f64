"""A list, from what somebody may see of it to a file they may take along, in steps that can be asked about."""
