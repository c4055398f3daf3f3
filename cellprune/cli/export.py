"""`cellprune export`: a trained network as one ONNX file, which predicts without torch."""

import json as text
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellprune.cli import terminal
from cellprune.cli.terminal import say
from cellprune.errors import CellpruneError

if TYPE_CHECKING:
    from cellprune.export.parity import Parity


def export(
    model: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    int8: Annotated[bool, Parameter(negative="")] = False,
    calibrate: str | None = None,
    data_root: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a trained network as one ONNX file, and compare it with torch.

    The file holds all that predicting needs to know. It is made only if its classes are torch's, pixel by pixel: 10 of
    a million may differ, in int8 5,000, and the IoU of an image by 0.005.

    Examples:

        cellprune export runs/NAME -o cells.onnx

        cellprune predict cells.onnx images/ -o cells

        cellprune export runs/NAME --int8 -o cells-int8.onnx

    Parameters
    ----------
    model
        A run folder, a model file, or the folder of a search, for the network that it found. A run is compared on its
        held-out frames where its data are here, anything else on the images of --calibrate or on simulated cells.
    output
        The file to make, NAME.onnx.
    int8
        Compute in 8 bits, which is faster and changes some pixels. The ranges come from frames that a run learned from.
    calibrate
        With --int8: images to take the ranges from instead, a folder or the name of a data set.
    data_root
        Folder of the data sets; else $CELLPRUNE_DATA, else the user's.
    json
        Print what was compared as one JSON object.
    """
    if calibrate is not None and not int8:
        raise CellpruneError(f"--calibrate {calibrate} is for int8: add --int8, or remove it")

    from cellprune.cli.progress import loading, phase

    with loading():
        from cellprune.experiment import frames
        from cellprune.export import export as exporting
        from cellprune.files.naming import require_new
        from cellprune.runs import onnxfile
        from cellprune.runs.searched import found_by

    model = found_by(model)
    require_new(output, kind="ONNX", suffix=onnxfile.SUFFIX)
    ranges = frames.to_take_ranges_from(model, calibrate, data_root) if int8 else []
    examples, where = frames.to_compare(model, ranges, data_root)
    with phase(f"comparing {output.name} with torch", after_s=1):
        made = exporting.export(model, output, examples, calibration=ranges)
    for line in made.doubts:
        terminal.tell(f"warning: {line}")
    if json:
        rows = [asdict(row) | {"ppm": row.ppm} for row in made.parity]
        said = {"output": str(output), "precision": made.precision, "bytes": made.n_bytes, "compared_on": where}
        print(text.dumps(said | {"images": len(examples), "parity": rows, "warnings": made.doubts}))
        return
    say(f"{output}: {made.precision}, {made.n_bytes:,} bytes; compared with torch on {len(examples)} images ({where})")
    for row in made.parity:
        say(_line(row))


def _line(row: "Parity") -> str:
    iou = "" if row.iou_difference is None else f", IoU of an image within {row.iou_difference:.4f}"
    engine = f"{row.engine} {row.precision}"
    return f"  {engine:14} {row.n_differing:,} of {row.n_pixels:,} pixels differ ({row.ppm:,.1f} ppm){iou}"
