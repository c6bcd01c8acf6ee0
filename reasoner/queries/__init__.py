"""The questions that an answer can be asked."""
