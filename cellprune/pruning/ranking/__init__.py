"""From scores to masks: units, what each costs, the budget, and several rounds."""
