"""Many runs as one table: what a sweep trains, what came of it, and how methods stand to each other."""
