"""Truth as other programs keep it, made into label images: `data import`. One file a format."""
