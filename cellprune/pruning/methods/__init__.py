"""One file a method: its own mathematics and its row of parts. The table of names stands in `config/names.py`."""
