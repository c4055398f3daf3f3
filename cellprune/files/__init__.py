"""Listing folders and reading text files so that nothing is dropped unsaid."""
