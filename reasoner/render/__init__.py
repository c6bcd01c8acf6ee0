"""From answers and findings to text."""
