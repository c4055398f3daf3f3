"""Files as the programs of microscopes write them, each read by a package of the extra `microscopes`."""
