"""The loop, the losses, the optimizers, the exact resume."""
