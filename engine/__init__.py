"""The engine: from text to definitions, to a compiled app, to stored records. It knows nothing of the web."""
