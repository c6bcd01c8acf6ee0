"""From a guideline's files to a checked, ground program and the guideline's data."""
