"""What a search has found, as values, sentences, tables, figures and a page."""
