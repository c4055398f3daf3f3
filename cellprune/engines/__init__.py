"""What runs a trained network for the lab: a callable from images to maps, with the model card."""
