"""The floor: what one fixed pair of tables costs when written by hand, with every duty the engine has."""
