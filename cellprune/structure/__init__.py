"""The network as layers and channels: what each costs and which weights can matter. Knows torch, nothing of ours."""
