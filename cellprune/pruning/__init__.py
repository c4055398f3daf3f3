"""Decides which weights go: `prune()` and its parts. Works on any `nn.Module`, any loss, any batches."""
