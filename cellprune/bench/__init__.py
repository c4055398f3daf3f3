"""Trained networks side by side on this machine: milliseconds, memory and scores, engine by engine."""
