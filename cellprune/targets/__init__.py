"""What a segmenting network's maps mean: from labels to what is learned, and from maps back to labels, a file a kind.

numpy, SciPy and scikit-image only, because the lab decodes without torch.
"""
