"""Sets by name: their cards, where they lie, how they are downloaded."""
