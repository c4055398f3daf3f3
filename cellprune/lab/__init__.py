"""Images in, labels and measurements out: what a trained run is used for. Never torch: it is handed an engine."""
