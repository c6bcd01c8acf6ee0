"""Many records at once: read in columns, evaluated together, each answer with a way back to its reasons."""
