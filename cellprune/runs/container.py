"""The one way tensors reach a file and come back: safetensors with a small JSON note of ours in its header.

A file may come from anywhere. So its size and the length of its header are checked before anything is parsed, and
each refusal names the file, says what it is instead, and what to do. No pickle is ever opened.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cellprune.errors import CellpruneError, WorkError
from cellprune.files import reading
from cellprune.runs import atomic
from cellprune.wording import quoted, reason

HEADER_LIMIT_BYTES = 16 * 2**20
_MOST_BYTES = 2**40
# what values that are not what they should be make of the code that takes them apart
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
_NOTE = "cellprune"
_PICKLES = (b"\x80", b"PK\x03\x04")  # a bare pickle, and the zip that torch.save makes around one


class UnreadableFileError(CellpruneError):
    """A file that is damaged, of another kind, of a newer version, or unsafe to open."""


def write(path: Path, tensors: Mapping[str, np.ndarray], *, kind: str, version: int, note: Mapping[str, Any]) -> None:
    """Write tensors and a note to `path`, whole or not at all; equal content gives equal bytes.

    Args:
        path: the file to make or replace.
        tensors: name -> array of any shape, 0-d included.
        kind: what the file is, as a reader says it: "masks".
        version: of the kind's format, from 1.
        note: JSON values that belong to the tensors.
    Raises:
        WorkError: the disk is full or the folder cannot be written.
    """
    text = json.dumps({"kind": kind, "version": version, **note}, sort_keys=True, allow_nan=False)
    # safetensors writes the memory as it lies; np.ascontiguousarray would turn 0-d into 1-d
    plain = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    with atomic.replacing(path) as beside:
        try:
            save_file(plain, beside, metadata={_NOTE: text})
        except SafetensorError as error:  # its way to say that the disk is full
            raise OSError(str(error)) from error


def read(path: Path, *, kind: str, version: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read back what `write` wrote.

    Args:
        path: a file from anywhere.
        kind: the kind it must be of.
        version: the newest format version that the caller can read.
    Returns:
        name -> array, and the note with "kind" and "version".
    Raises:
        UnreadableFileError: no such file, damaged, not of this kind, of a newer version, or a pickle.
    """
    with read_whole(path, kind):
        _refuse_by_first_bytes(path, kind)
        with safe_open(path, framework="numpy") as file:
            note = _note(path, (file.metadata() or {}).get(_NOTE), kind, version)
            return {name: _array(name, file.get_tensor(name)) for name in list(file.keys())}, note


def _array(name: str, array: np.ndarray) -> np.ndarray:
    """Refuse a kind of number that numpy has only where another library brought it, such as bfloat16."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype} values")
    return array


@contextmanager
def read_whole(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file's content is taken apart into one line that names the file.

    Raises:
        UnreadableFileError: it cannot be read, or its content does not hold together or asks for too much.
        WorkError: the memory does not suffice.
    """
    try:
        yield
    except (SafetensorError, *_BROKEN) as error:
        raise UnreadableFileError(f"{path} is damaged ({reason(error)}): copy or make the {kind} file again") from error
    except MemoryError as error:
        raise WorkError(f"{path} takes more memory than there is: free some, or read it on a larger machine") from error
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read ({error.strerror or error}): check the path") from error


def _refuse_by_first_bytes(path: Path, kind: str) -> None:
    size = reading.size_of(path, most=_MOST_BYTES)
    with path.open("rb") as file:
        first = file.read(8)
    if first.startswith(_PICKLES) and int.from_bytes(first, "little") > HEADER_LIMIT_BYTES:
        raise UnreadableFileError(
            f"{path} is a pickle (a torch checkpoint?), which can run any code when opened: "
            f"give the {kind} file that cellprune wrote, or save the weights as safetensors"
        )
    if len(first) < 8:
        raise UnreadableFileError(f"{path} is empty or cut off ({size} bytes): copy or make the {kind} file again")
    header = int.from_bytes(first, "little")
    if header > min(HEADER_LIMIT_BYTES, size - 8):
        raise UnreadableFileError(
            f"{path} is no {kind} file, or is damaged: give {_a(kind)} file that cellprune wrote, or copy it again"
        )


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _note(path: Path, text: str | None, kind: str, version: int) -> dict[str, Any]:
    if text is None:
        raise UnreadableFileError(f"{path} was not written by cellprune: give {_a(kind)} file")
    note = json.loads(text)
    if not isinstance(note, dict) or not isinstance(note.get("kind"), str) or type(note.get("version")) is not int:
        raise ValueError("its note names no kind and version")
    if note["kind"] != kind:
        raise UnreadableFileError(f"{path} is a {quoted(note['kind'])} file: give {_a(kind)} file")
    if note["version"] > version:
        raise UnreadableFileError(
            f"{path} has format version {quoted(note['version'])}, this cellprune reads up to {version}: "
            "update cellprune"
        )
    return note


def digest(tensors: Mapping[str, np.ndarray]) -> str:
    """Hash names, kinds, shapes and values (hex, sha256): equal tensors have equal hashes, whatever their files say."""
    content = hashlib.sha256()
    for name in sorted(tensors):
        value = np.asarray(tensors[name], order="C")
        content.update(f"{name} {value.dtype} {value.shape}\n".encode() + value.tobytes())
    return content.hexdigest()
