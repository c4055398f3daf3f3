"""Code of the user's own, named as FILE.py:NAME: its content, and the object itself.

Only what its user names is run: a name that a file from elsewhere holds never gets here.
"""

import hashlib
import re
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from cellprune.errors import CellpruneError, unknown
from cellprune.files import reading
from cellprune.wording import quoted, reason

_OWN = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d]\w*)")
_MOST_BYTES = 2**22  # of a file of Python that a person wrote


def is_own(name: object) -> bool:
    """Tell whether a name is FILE.py:NAME."""
    return isinstance(name, str) and _OWN.fullmatch(name) is not None


def short(name: str) -> str:
    """Leave out the folders of FILE.py:NAME; give any other name as it is."""
    if not is_own(name):
        return name
    file, attribute = _parts(name)
    return f"{file.name}:{attribute}"


def sha256(name: str) -> str:
    """Hash the content of the file in FILE.py:NAME (hex).

    Raises:
        CellpruneError: it cannot be read.
    """
    return _hash(source(name))


def source(name: str) -> str:
    """Give the content of the file in FILE.py:NAME, for the record; nothing is run.

    Raises:
        CellpruneError: it cannot be read.
    """
    file, _ = _parts(name)
    return _text(file)


def read(kind: str, name: str, *, made_of: str | None = None) -> object:
    """Run the file in FILE.py:NAME, once for each content, and give what it calls NAME.

    Args:
        kind: what NAME is to be, as a reader says it: "pruning method".
        name: the file, from the working folder on, and a name that it gives.
        made_of: what its content must have as its hash (hex, sha256), or nothing is run; None for any content.
    Raises:
        CellpruneError: it cannot be read or run, has another content, or gives no such name; the nearest are listed.
    """
    file, attribute = _parts(name)
    text = _text(file)
    if made_of not in (None, _hash(text)):
        raise CellpruneError(f"{file} has changed since {short(name)} was used: restore it, or train again with it")
    module = _module(file, text)
    if not hasattr(module, attribute):
        given = [key for key, value in vars(module).items() if callable(value) and value.__module__ == module.__name__]
        raise CellpruneError(unknown(kind, attribute, given, str(file)))
    return getattr(module, attribute)


def fault(name: str, error: BaseException) -> str:
    """Say on one line what an error in the user's own code was, and where in its file.

    Args:
        name: FILE.py:NAME; of a function that was given otherwise any text, then no line is known.
    """
    where = _line(error, _parts(name)[0]) if is_own(name) else ""
    return f"{type(error).__name__}: {reason(error)}{where}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _parts(name: str) -> tuple[Path, str]:
    parts = _OWN.fullmatch(name)
    assert parts is not None, "who reads it has asked is_own"
    return Path(parts["file"]), parts["name"]


def _text(file: Path) -> str:
    try:
        return reading.text_of(file, most=_MOST_BYTES)
    except FileNotFoundError:
        raise CellpruneError(f"no file {quoted(str(file))} in {Path.cwd()}: give FILE.py:NAME with the path from here"
                             ) from None  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise CellpruneError(f"{file} cannot be read as Python ({reason(error)}): give another FILE.py:NAME") from None


def _module(file: Path, text: str) -> ModuleType:
    """Run the text as the module of a file; the same text of the same file is run once."""
    named = hashlib.sha256(f"{file.absolute()}\n{text}".encode()).hexdigest()
    name = f"cellprune_own_{named[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    assert spec is not None, "its name ends on .py"
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses look for their module there
    try:
        exec(compile(text, str(file), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise CellpruneError(
            f"{file} cannot be run ({type(error).__name__}: {reason(error)}{_line(error, file)}): mend it"
        ) from error
    return module


def _line(error: BaseException, file: Path) -> str:
    if isinstance(error, SyntaxError):
        return ""  # which says it itself
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f", line {lines[-1]}" if lines else ""
