"""OME-Zarr: what its metadata say, its plates, its pixels plane by plane, and labels written beside an image."""
