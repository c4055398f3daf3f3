"""cellprune as a task of Fractal."""
