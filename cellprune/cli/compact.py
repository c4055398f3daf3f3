"""`cellprune compact`: a trained network as a smaller model file of the same function."""

import json as text
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellprune.cli.terminal import say
from cellprune.wording import many

if TYPE_CHECKING:
    from cellprune.export.compact import Smaller


def compact(
    model: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    network: Annotated[str | None, Parameter(name="--model")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a trained network without the channels that carry nothing: the same function from a smaller network.

    Any mask will do, of single weights or of whole channels. Channels go that nothing reads, and channels that are the
    same number whatever the image. The new network is compared with the old one before the file is made.

    Examples:

        cellprune compact runs/NAME -o small.safetensors

        cellprune predict small.safetensors images/ -o cells

        cellprune export small.safetensors -o small.onnx

    Parameters
    ----------
    model
        The folder of a finished run, a model file, or the folder of a search, for the network that it found.
    output
        The model file to make, NAME.safetensors.
    network
        Of a network of your own: its code, FILE.py:NAME, with the content that it was trained with. It is not
        run unless you name it.
    json
        Print what became smaller, and what had to stay, as one JSON object.
    """
    from cellprune.cli.progress import loading, phase
    from cellprune.files.naming import require_new
    from cellprune.runs import modelfile

    require_new(output, kind="model", suffix=modelfile.SUFFIX)
    with loading():
        from cellprune.export.compact import write_compact
        from cellprune.runs.searched import found_by

    model = found_by(model)
    with phase(f"making {model} smaller", after_s=1):
        made = write_compact(model, output, network)
    if json:
        print(text.dumps(asdict(made) | {"output": str(output)}))
    else:
        say(*_lines(made))


def _lines(made: "Smaller") -> Iterator[str]:
    """Say what became smaller, and in a table what had to stay and why."""
    from cellprune.report.formatting import count, file_size, share

    before, after = made.before, made.after
    yield f"{made.output}: the same function, compared on random images"
    for what, shown, old, new in (
        ("parameters", count, before.parameters, after.parameters),
        ("multiply-adds", count, before.macs, after.macs),
        ("file", file_size, before.bytes, after.bytes),
    ):
        yield f"  {what:14} {shown(old)} -> {shown(new)} ({share(new / old)})"
    if made.stayed:
        yield "Channels that depend on no image and had to stay:"
        width = max(len(row.layer) for row in made.stayed)
        for row in made.stayed:
            yield f"  {row.layer:{width}}  {many(len(row.channels), 'channel'):12} {row.why}"
    for operation in made.stopped_by:
        yield f"Channels that {operation} reads had to stay: what it does to them is not known."
