"""What a result is held against: shuffled masks and smaller dense networks."""
