"""What this computer has and allows: memory, devices, the environment's variables."""
