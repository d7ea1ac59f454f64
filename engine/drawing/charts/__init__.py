"""Charts of figures: what is shown as plain data, and how it is drawn where no browser draws it."""
