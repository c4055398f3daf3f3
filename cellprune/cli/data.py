"""`cellprune data`: say which data sets there are, bring one here, look at it, or make one."""

import json as text
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from cellprune.cli.terminal import console, say, tell
from cellprune.cli.whole_number import WholeNumber
from cellprune.wording import many, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellprune.data.inspection import ClassesInspection, Inspection, SequenceInspection
    from cellprune.data.sets.cards import Card

_SIZES_SHOWN = 2  # of images; the note says more

app = App(name="data", help="List, fetch, check, import and simulate data sets.", help_format="plaintext")


@app.command(name="list")
def list_(*, json: Annotated[bool, Parameter(negative="")] = False, data_root: Path | None = None) -> None:
    """List the data sets that have a card, and say which are on this machine.

    Examples:

        cellprune data list

        cellprune data list --json

    Parameters
    ----------
    json
        Print the cards as one JSON object.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    """
    from cellprune.data.sets import cards
    from cellprune.data.sets.named import folder_of
    from cellprune.data.sets.root import data_root as root_of

    root = root_of(data_root)
    known = [(card, folder_of(card, root).is_dir()) for card in cards.all_cards()]
    if json:
        datasets = [card.model_dump(mode="json") | {"here": is_here} for card, is_here in known]
        print(text.dumps({"data_root": str(root), "datasets": datasets}))
    else:
        _show_cards(known)
        say(f"Data root: {root}. Empty fields are unknown. To fetch a data set: cellprune data fetch NAME")


@app.command
def fetch(
    name: str, /, *, source: Annotated[Path | None, Parameter(name="--from")] = None, data_root: Path | None = None
) -> None:
    """Download a named data set into the data root, or take it from a file or folder.

    If a download breaks off, the same command goes on where it stopped.

    Examples:

        cellprune data fetch PhC-C2DH-U373

        cellprune data fetch PhC-C2DH-U373 --from PhC-C2DH-U373.zip

        cellprune data fetch cifar10 --from cifar-10-python.tar.gz

    Parameters
    ----------
    name
        Name of a card: `cellprune data list` shows them.
    source
        The archive of the data set, or a folder that holds it; for machines without the internet. For CIFAR also an
        npz of images. A folder of TinyImageNet or ImageNet is linked to, not copied.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from cellprune.data.fetch import fetch as bring
    from cellprune.data.fetch import is_here
    from cellprune.data.sets.cards import card

    was_here = is_here(name, data_root)
    is_download = card(name).source == "fetch" and source is None and not was_here
    tell_terms = cache(lambda: say(f"Terms: {card(name).terms}"))  # once, when something comes

    def came(n_here: int, n_all: int | None) -> None:
        tell_terms()
        bar.update(task, completed=n_here, total=n_all)

    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=console(), disable=not is_download) as bar:
        task = bar.add_task(f"downloading {name}", total=None)
        folder = bring(name, source=source, data_root=data_root, progress=came)
    if not was_here:
        tell_terms()
    say(f"{name} {'was already' if was_here else 'is now'} in {folder}")
    if not was_here:
        say(f"Look at it with: cellprune data check {name}")


@app.command
def check(
    dataset: str,
    /,
    *,
    classes: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ("background", "cell"),
    json: Annotated[bool, Parameter(negative="")] = False,
    data_root: Path | None = None,
) -> int:
    """Read every file of a data set and say what is there, what is missing, and what is wrong.

    The exit code is 0 if the data set can be used, even if its truth is partial, and 1 if there are errors.

    Examples:

        cellprune data check simulated

        cellprune data check ./my-cells --json

        cellprune data check ./my-tissue --classes background cell dividing

    Parameters
    ----------
    dataset
        Name of a card, or a folder, written with a separator: ./my-cells. The folder holds images and labels paired
        by name, or 01, 01_GT and so on.
    classes
        Names of the classes. With two names, label images number the cells; with more, label values are classes.
        The same as data.classes of train.
    json
        Print the findings as one JSON object.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    """
    from cellprune.cli.progress import phase
    from cellprune.data.check import check as look
    from cellprune.runs.documents import plain
    from cellprune.training.progress import PATIENCE_S

    with phase(f"reading every file of {dataset}", after_s=PATIENCE_S):
        inspection = look(dataset, data_root, classes)
    if json:
        print(text.dumps(plain(inspection)))
    else:
        _show(inspection)
    return 1 if inspection.errors else 0


@app.command
def simulate(
    folder: Path,
    /,
    *,
    seed: WholeNumber = 0,
    frames: WholeNumber = 12,
    size: tuple[WholeNumber, WholeNumber] = (192, 208),
    sequences: WholeNumber = 2,
    optics: Literal["phase", "dic"] = "phase",
) -> None:
    """Make simulated cells, with truth, in the layout of the Cell Tracking Challenge.

    Examples:

        cellprune data simulate ./cells --seed 3 --optics dic

    Parameters
    ----------
    folder
        Folder to make; must be absent or empty.
    seed
        The same seed gives the same pixels on every machine.
    frames
        Frames of each sequence, at least 4; three of four get gold truth.
    size
        Height and width in pixels, at least 48 each.
    sequences
        How many recordings.
    optics
        Kind of microscope: phase contrast with its halo, or DIC with its relief.
    """
    from cellprune.data.simulated.simulate import simulate as make

    made = make(folder, seed=seed, frames=frames, size=size, sequences=sequences, optics=optics)
    say(f"{sequences} sequences of {frames} frames are in {made}")
    say(f"Look at them with: cellprune data check {made if '/' in str(made) else f'./{made}'}")


@app.command(name="import")
def import_(
    source: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a data set of images that were annotated in another program.

    It knows Cellpose (NAME_seg.npy), zips of ImageJ ROIs (NAME.zip), GeoJSON of QuPath (NAME.geojson), COCO (one .json)
    and one mask per cell (a folder per image). Outlines become pixels as in ImageJ and QuPath: a pixel belongs to a
    cell if its centre lies inside.

    Examples:

        cellprune data import annotated/ -o my-cells

    Parameters
    ----------
    source
        A folder with images (TIFF, PNG) and their annotations, beside each other or in folders inside.
    output
        The data set: an absent or empty folder, which gets images/ and labels/.
    json
        Print the result as one JSON object.
    """
    from dataclasses import asdict

    from cellprune.cli.progress import phase
    from cellprune.data.annotations.bring import bring
    from cellprune.training.progress import PATIENCE_S

    with phase("drawing the cells", after_s=PATIENCE_S) as count:
        made = bring(source, output, step=count)
    tell(*(f"note: {note}" for note in made.notes))
    if json:
        print(text.dumps({"output": str(output), **asdict(made)}))
        return
    say(f"{many(made.cells, 'cell')} in {many(made.images, 'image')}, now in {output}")
    say(f"Look at them with: cellprune data check {output if '/' in str(output) else f'./{output}'}")


def _show_cards(cards: "Sequence[tuple[Card, bool]]") -> None:
    rows = [("name", "modality", "pixel, um", "interval, min", "here")]
    for card, is_here in cards:
        pixel, interval = card.pixel_size_um or (), card.frame_interval_min
        shown = " x ".join(f"{um:g}" for um in (pixel[:1] if len(set(pixel)) == 1 else pixel))
        here = "yes" if is_here else "no"
        rows.append((card.name, card.modality or "", shown, f"{interval:g}" if interval else "", here))
    _print_columns(rows, n_left=len(rows[0]))


def _print_columns(rows: "Sequence[Sequence[str]]", *, n_left: int = 1) -> None:
    """Print rows under each other, the first columns flush left, the numbers flush right; no line is broken."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [word.ljust(width) for word, width in zip(row[:n_left], widths[:n_left], strict=True)]
        cells += [word.rjust(width) for word, width in zip(row[n_left:], widths[n_left:], strict=True)]
        say("  ".join(cells).rstrip())


def _show(inspection: "Inspection | ClassesInspection") -> None:
    """Print a table of what is there, then the facts, warnings, notes and errors, each on its line."""
    from cellprune.data.inspection import Inspection

    lines_of = [("note", inspection.notes), ("error", inspection.errors)]
    if isinstance(inspection, Inspection):
        rows = _rows_of_sequences(inspection.sequences)
        lines_of = [("", inspection.facts), ("warning", inspection.warnings), *lines_of]
    else:
        rows = _rows_of_classes(inspection)
    say(inspection.dataset)
    if len(rows) > 1:
        _print_columns(rows)
    say(*(f"{kind}: {line}" if kind else line for kind, lines in lines_of for line in lines))
    say(f"errors: {len(inspection.errors)}" if inspection.errors else "no errors")


def _rows_of_sequences(sequences: "Sequence[SequenceInspection]") -> list[tuple[str, ...]]:
    head = ("sequence", "frames", "gold", "silver", "gold cells", "no gold mask", "tracked", "size", "type")
    rows: list[tuple[str, ...]] = [head]
    for row in sequences:
        sizes = [f"{height} x {width}" for height, width in row.sizes]
        rows.append(
            (
                printable(row.sequence),
                *map(str, (row.frames, row.gold, row.silver, row.cells.gold)),
                str(sum(lacking.missing for lacking in row.missing)),
                str(row.cells.tracked),
                ", ".join(sizes) if len(sizes) <= _SIZES_SHOWN else f"{len(sizes)} sizes",
                ", ".join(row.dtypes.get("image", ())),
            )
        )
    return rows


def _rows_of_classes(inspection: "ClassesInspection") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("class", "train images", "test images")]
    rows += [(printable(row.name), str(row.train), str(row.test)) for row in inspection.classes]
    if inspection.classes:
        rows.append(("all", *(str(inspection.images[part]) for part in ("train", "test"))))
    return rows
