"""Where a new file may stand: names that nothing stands at yet, in a folder that is there."""

from pathlib import Path

from cellprune.errors import CellpruneError


def require_new(output: Path, *, kind: str, suffix: str) -> None:
    """Refuse a name that is taken or is none of this kind of file, before any work.

    Args:
        output: the file to make.
        kind: of file, such as "ONNX".
        suffix: what its name ends in.
    Raises:
        CellpruneError: says what to give.
    """
    if output.suffix.lower() != suffix:
        raise CellpruneError(f"--output {str(output)!r} is no {kind} file: give a name that ends in {suffix}")
    if output.exists():
        raise CellpruneError(f"{output} is there already: give another --output")
    if not output.absolute().parent.is_dir():
        raise CellpruneError(f"there is no folder {str(output.parent)!r}: make it, or give another --output")
