"""Decides which weights go. Works on any nn.Module, any loss, any batches."""
