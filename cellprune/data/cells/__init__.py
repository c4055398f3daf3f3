"""Images with outlined cells: layouts of folders, partial truth, the split, and loaders."""
