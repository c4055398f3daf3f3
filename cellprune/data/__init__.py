"""What is on disk, what it means, and how it reaches a network."""
