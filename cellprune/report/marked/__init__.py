"""Pictures of cells: outlines of the found ones over the image, and a mark on every error that is counted."""
