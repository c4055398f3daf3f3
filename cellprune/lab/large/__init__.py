"""An image that is larger than the memory for it: read, computed, decoded, measured and written part by part."""
