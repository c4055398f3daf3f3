"""One file a method: its own mathematics, nothing else."""
