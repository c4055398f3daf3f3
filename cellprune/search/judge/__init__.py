"""Which trainings a search asks for, and what follows from their scores. Numbers only."""
