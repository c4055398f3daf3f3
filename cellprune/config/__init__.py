"""Settings: each one declared once, with type, default, unit, range and help."""
