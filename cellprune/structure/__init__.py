"""The network as layers and channels: what it costs, what of it is connected. Knows torch only."""
