"""`cellprune export`: a trained network as one ONNX file, which predicts without torch, or as a bioimage.io package."""

import json as text
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellprune.cli import terminal
from cellprune.cli.terminal import say
from cellprune.errors import CellpruneError, unknown

if TYPE_CHECKING:
    from cellprune.export.parity import Parity
    from cellprune.export.readme import Agreement

_PACKAGE = "bioimageio"
_FORMATS = ("onnx", _PACKAGE)
_NOT_NORMALIZED = (
    "the images that the network learned from are not here, so rdf.yaml cannot say how images are normalized: other "
    "programs need normalized images, or add --calibrate FOLDER"
)


def export(
    model: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    format: str = "onnx",
    network: Annotated[str | None, Parameter(name="--model")] = None,
    int8: Annotated[bool, Parameter(negative="")] = False,
    calibrate: str | None = None,
    data_root: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a trained network as one ONNX file or as a bioimage.io package, and compare it with torch.

    The file holds all that predicting needs to know. It is made only if its classes are torch's, pixel by pixel: 10 of
    a million may differ, in int8 5,000, and the IoU of an image by 0.005. A package holds the file, a test image with
    its maps, a description for other programs, and a README for people and for the Hugging Face hub.

    Examples:

        cellprune export runs/NAME -o cells.onnx

        cellprune predict cells.onnx images/ -o cells

        cellprune export runs/NAME --int8 -o cells-int8.onnx

        cellprune export runs/NAME --format bioimageio -o cells.zip

    Parameters
    ----------
    model
        A run folder, a model file, or the folder of a search, for the network that it found. A run is compared on its
        held-out frames where its data are here, anything else on the images of --calibrate or on simulated cells.
    output
        The file to make, NAME.onnx; of a package a folder, or NAME.zip.
    format
        onnx, or bioimageio for a package.
    network
        Of a network of your own: its code, FILE.py:NAME, with the content that it was trained with. It is not
        run unless you name it.
    int8
        Compute in 8 bits, which is faster and changes some pixels. The ranges come from frames that a run learned from.
    calibrate
        With --int8 or a package: images to take the numbers from instead, a folder or the name of a data set.
    data_root
        Folder of the data sets; else $CELLPRUNE_DATA, else the user's.
    json
        Print what was compared as one JSON object.
    """
    _require_fitting(format, int8, calibrate)

    from cellprune.cli.progress import loading, phase

    with loading():
        from cellprune.experiment import frames
        from cellprune.export import export as exporting
        from cellprune.export import package as packaging
        from cellprune.files.naming import require_new
        from cellprune.runs import onnxfile
        from cellprune.runs.searched import found_by

    model, agreement = found_by(model), None
    if is_package := format == _PACKAGE:
        packaging.require_new_package(output)
    else:
        require_new(output, kind="ONNX", suffix=onnxfile.SUFFIX)
    if is_package and calibrate is None:
        learned = frames.learned(model, data_root)
    else:
        learned = frames.to_take_ranges_from(model, calibrate, data_root) if int8 or is_package else []
    examples, where = frames.to_compare(model, learned if int8 else [], data_root)
    with phase(f"comparing {output.name} with torch", after_s=1):
        if is_package:
            packaged = packaging.package(model, output, examples, learned=learned, network=network)
            made, agreement = packaged.exported, packaged.agreement
        else:
            made = exporting.export(model, output, examples, calibration=learned, network=network)
    doubts = made.doubts + ([_NOT_NORMALIZED] if is_package and agreement is None else [])
    for line in doubts:
        terminal.tell(f"warning: {line}")
    if json:
        rows = [asdict(row) | {"ppm": row.ppm} for row in made.parity]
        said = {"output": str(output), "precision": made.precision, "bytes": made.n_bytes, "compared_on": where}
        normalized = {"normalization": asdict(agreement) | {"ppm": agreement.ppm}} if agreement else {}
        print(text.dumps(said | {"images": len(examples), "parity": rows, "warnings": doubts} | normalized))
        return
    say(f"{output}: {made.precision}, {made.n_bytes:,} bytes; compared with torch on {len(examples)} images ({where})")
    say(*map(_line, made.parity), *([_normalized(agreement)] if agreement else []))


def _require_fitting(format: str, int8: bool, calibrate: str | None) -> None:
    """Refuse options that do not go together."""
    if format not in _FORMATS:
        raise CellpruneError(unknown("export format", format, _FORMATS, "--format"))
    if int8 and format == _PACKAGE:
        raise CellpruneError(
            f"--int8 is for --format onnx, a package is in float32: remove --int8 or --format {format}"
        )
    if calibrate is not None and not int8 and format != _PACKAGE:
        raise CellpruneError(f"--calibrate {calibrate} is for int8 and packages: add --int8, or remove it")


def _line(row: "Parity") -> str:
    iou = "" if row.iou_difference is None else f", IoU of an image within {row.iou_difference:.4f}"
    engine = f"{row.engine} {row.precision}"
    return f"  {engine:14} {row.n_differing:,} of {row.n_pixels:,} pixels differ ({row.ppm:,.1f} ppm){iou}"


def _normalized(row: "Agreement") -> str:
    return (
        f"  normalized by rdf.yaml, {row.n_differing:,} of {row.n_pixels:,} pixels differ from 'cellprune predict' "
        f"({row.ppm:,.1f} ppm)"
    )
