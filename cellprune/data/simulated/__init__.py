"""Cells drawn by a program, with their exact truth."""
