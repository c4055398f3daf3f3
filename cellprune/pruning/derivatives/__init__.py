"""What scores are made of: the loss over batches, its gradients, and gradients through training steps."""
