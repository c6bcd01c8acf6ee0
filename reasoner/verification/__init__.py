"""Questions about all patients that can exist: a guideline's defects, and the difference between two guidelines."""
