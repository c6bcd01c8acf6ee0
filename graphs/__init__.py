"""Explanation graphs and their file formats."""
