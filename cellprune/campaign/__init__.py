"""Many runs as one piece of work: jobs, and the workers that train them. What a run is asked for is not known here."""
