"""Files that anyone may name are read in one way: regular ones alone, and no more of them than their purpose needs.

A pipe would wait for ever, a device never ends, and a file of any size would fill the memory.
"""

import errno
import os
import stat
from pathlib import Path


def size_of(path: Path, *, most: int) -> int:
    """Give the bytes of a file that may be read.

    Args:
        path: the file, or a link to one.
        most: bytes that such a file may have.
    Raises:
        OSError: it is not there, is no regular file, or is larger; `strerror` says so.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, and no file", str(path))
    if status.st_size > most:
        raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, and at most {most:,} are read", str(path))
    return status.st_size


def text_of(path: Path, *, most: int) -> str:
    """Give the text of a UTF-8 file.

    Raises:
        OSError: as `size_of`.
        UnicodeDecodeError: it is not UTF-8.
    """
    size_of(path, most=most)
    with path.open("rb") as file:
        content = file.read(most + 1)  # of /proc and the like the size says nothing
    if len(content) > most:
        raise OSError(errno.EFBIG, f"at most {most:,} bytes of it are read", str(path))
    return content.decode("utf-8")
