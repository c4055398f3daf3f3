"""What `fractal-manifest create` reads."""
