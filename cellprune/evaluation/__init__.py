"""Scores on plain arrays."""
