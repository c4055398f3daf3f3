"""What is printed can be printed: on a console that knows ASCII alone, and with names that are no text anywhere."""

import io
import sys


def speak_plainly() -> None:
    """Have standard output and standard error write as an escape what they have no sign for, where they would fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
