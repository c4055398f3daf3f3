"""What looks like an image and is not read, or lies where none is looked for: named, never passed over unsaid."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.files.listing import Entry, listed
from cellprune.images import foreign, naming, png, tiff
from cellprune.images.naming import is_image, is_other_format

EXPORT = "export the originals as OME-TIFF"
_SHOWN = 5
_PREDICTION = "prediction.json"  # what `cellprune predict` wrote is no input
# endings that need no look inside: no image is in such a file, or it is not for us to say
_NO_IMAGES = {
    ".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".toml", ".md", ".rst", ".log", ".html", ".htm",
    ".pdf", ".py", ".ipynb", ".ijm", ".m", ".r", ".roi", ".zip", ".gz", ".tar", ".7z", ".npy", ".npz", ".h5",
    ".hdf5", ".mat", ".xls", ".xlsx", ".doc", ".docx", ".ppt", ".pptx", ".ini", ".cfg", ".db", ".sqlite",
    ".pt", ".pth", ".onnx", ".safetensors",
}  # fmt: skip


def looks_like_image(entry: Entry) -> bool:
    """Tell whether a person would take an entry for an image: by its name, or a file by how it begins.

    What cannot be opened is taken for one unless its name says otherwise.
    """
    name, suffix = entry.name, naming.ending(entry.name)
    hidden = entry.kind == "neither" and suffix not in _NO_IMAGES
    return is_image(name) or is_other_format(name) or hidden or is_misnamed(entry)


def is_misnamed(entry: Entry) -> bool:
    """Tell a TIFF or PNG that does not have the name of one."""
    suffix = naming.ending(entry.name)
    if entry.kind != "file" or is_image(entry.name) or is_other_format(entry.name) or suffix in _NO_IMAGES:
        return False
    try:
        return _start(entry.path, 8).startswith((png.SIGNATURE, *tiff.SIGNATURES))
    except OSError:
        return False


def _start(path: Path, n_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(n_bytes)


def holds_images(folder: Path) -> bool:
    """Tell whether anything in a folder, however deep, looks like an image; links inside are not followed.

    What may not be listed may hold some.
    """
    waiting = [folder]
    while waiting:
        try:
            inside = listed(waiting.pop())
        except CellpruneError:
            return True
        if any(entry.name == _PREDICTION for entry in inside):
            continue
        if any(map(looks_like_image, inside)):
            return True
        waiting += [entry.path for entry in inside if entry.kind == "folder" and not entry.path.is_symlink()]
    return False


def why_not(entry: Entry) -> str:
    """Say why an entry that looks like an image is not read, as the rest of a sentence that begins with its name."""
    if entry.kind == "neither":
        return entry.fault
    if is_misnamed(entry):
        return "is a TIFF or PNG by its content, but not by its name: give it the ending .tif or .png"
    with suppress(OSError):
        if entry.kind == "file" and (said := foreign.known(_start(entry.path, foreign.LONGEST_START))):
            return said  # as where it is named alone
    format_ = naming.ending(entry.name)
    return f"has the format {format_}, which cellprune does not read: export the original as OME-TIFF"


def left_aside(folder: Path, is_part: Callable[[Entry], bool]) -> list[str]:
    """Say what looks like an image in a folder and is no part of its data set; nothing where there is no folder."""
    if not folder.is_dir():
        return []
    others = [entry for entry in listed(folder) if not is_part(entry)]
    formats = [e.name for e in others if e.kind == "file" and is_other_format(e.name)]
    misnamed = [e.name for e in others if is_misnamed(e)]
    images = [e.name for e in others if e.kind == "file" and is_image(e.name)]
    folders = [e.name for e in others if e.kind == "folder" and (looks_like_image(e) or holds_images(e.path))]
    broken = [f"{e.name} {e.fault}" for e in others if e.kind == "neither" and looks_like_image(e)]
    said = [
        (broken, "cannot be opened"),
        (formats, f"only TIFF and PNG are read, {EXPORT}"),
        (misnamed, "these begin like a TIFF or PNG, give them the ending .tif or .png"),
        (images, "their names or places are not those of this data set's images"),
        (folders, "folders inside are not searched, name one by itself to use it"),
    ]
    return [f"not used in {folder}: {some(names)} ({why})" for names, why in said if names]


def seen(entries: Iterable[Entry]) -> str:
    """Count files by their endings, the most frequent first: "3 .czi and 2 .jpg"; empty for none."""
    files = (e for e in entries if e.kind == "file" or is_other_format(e.name))  # some formats are folders
    counted = Counter(naming.ending(e.name) or "without ending" for e in files)
    return " and ".join(f"{n} {suffix}" for suffix, n in counted.most_common(3))


def first(sentences: Sequence[str]) -> str:
    """Give the first of sentences that mostly tell of one mistake, and how many more there are."""
    return f"{sentences[0]} (and {len(sentences) - 1} more like it)" if len(sentences) > 1 else sentences[0]


def some(names: Sequence[str]) -> str:
    """Give the first of many names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
