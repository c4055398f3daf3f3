"""Several runs or searches on one page."""
