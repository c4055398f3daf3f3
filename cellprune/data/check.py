"""Look at every file of a data set and say what is there, what is missing, and what is wrong.

Errors (the set cannot be used as it is): a folder of no known layout; a file that breaks a hard rule of `images.read`;
images of different channels; labels beyond the classes; truth without its image, or of another size; a marker that
man_track.txt does not list for its frame; a listed track that is not shown; fewer than two annotated frames; no cell in
any of them.
Warnings: cells that are too small at the network's size; an annotated image that is there twice.
Notes (partial or untidy truth, which the policies of `data.cells.truth` are for): cells without gold or silver mask,
masks in several pieces, frames of several sizes, an annotated frame without cells, a pixel size other than the
card's.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from cellprune.config.own import is_own, short
from cellprune.data.cells import ctc, own, plain, track_file
from cellprune.data.cells.frames import CLASSES, Frame
from cellprune.data.cells.matching import areas_px, draws, in_pieces, jaccard, mixed, regions, uncovered
from cellprune.data.cells.truth import ClassesError, read_truth, target
from cellprune.data.copies import Annotated, digest
from cellprune.data.findings import Disc, Findings, class_notes, notes, report
from cellprune.data.inspection import ClassesInspection, InPieces, Inspection, Lacking
from cellprune.data.labelled import cifar, folders
from cellprune.data.labelled import sets as labelled
from cellprune.data.open import is_challenge, require_cells
from cellprune.data.sets.cards import Card
from cellprune.data.sets.named import is_folder, known_card, located
from cellprune.data.sets.root import data_root as root_of
from cellprune.errors import CellpruneError
from cellprune.evaluation.iou import IGNORED
from cellprune.images.naming import of_text
from cellprune.images.read import Labels, are_equal, read_grey_levels, read_header, require_contrast
from cellprune.wording import many


def check(
    name_or_folder: str, data_root: Path | None = None, classes: tuple[str, ...] = CLASSES
) -> Inspection | ClassesInspection:
    """Inspect a data set by name or folder, or the images with labels that FILE.py:NAME gives.

    Args:
        classes: what labels stand for, see `data.open.open_dataset`.

    Raises:
        CellpruneError: no such data set, or it is not here.
    """
    if is_own(name_or_folder):
        return _inspect_plain(
            own.folder_of(name_or_folder, None, root_of(data_root)), name=short(name_or_folder), classes=classes
        )
    if is_folder(name_or_folder):
        folder = Path(name_or_folder).expanduser()
        name = of_text(folder.resolve().name)
        if cifar.holds(folder) or folders.holds(folder):
            return labelled.check(name_or_folder)
        if not is_challenge(folder):
            return _inspect_plain(folder, name=name, classes=classes)
        require_cells(name, classes)
        return inspect(folder, name=name, card=None)
    card = known_card(name_or_folder)
    if card.layout != "ctc":
        return labelled.check(name_or_folder, data_root)
    require_cells(card.name, classes)
    return inspect(located(card, data_root), name=card.name, card=card)


def inspect(folder: Path, *, name: str, card: Card | None) -> Inspection:
    """Inspect the data set in a folder; see `check`. Whatever is wrong is listed, never raised."""
    try:
        frames, lone, aside = ctc.frames(folder, name), ctc.orphans(folder), ctc.aside(folder)
    except CellpruneError as error:
        return report(name, [], [str(error)], [])
    findings = [_sequence(folder, sequence, list(own)) for sequence, own in groupby(frames, lambda f: f.sequence)]
    faults = [f"{path} is truth without an image: bring the image back or remove the truth" for path in lone]
    said = [note for sequence in findings for note in notes(sequence, card)]
    return report(name, findings, _errors(name, findings, faults), [*said, *aside], card=card)


def _inspect_plain(folder: Path, *, name: str, classes: tuple[str, ...]) -> Inspection:
    try:
        paired = plain.pair(folder, name)
    except CellpruneError as error:
        return report(name, [], [str(error)], [])
    findings = Findings(paired.frames[0].sequence)
    odd = []
    for frame in paired.frames:
        findings.n_frames.update(frame.files.keys())
        if frame.gold:
            _look(frame, findings, len(classes))
        elif fault := _fault(frame.image):
            odd.append(fault)
    if findings.no_classes:  # mostly one mistake in all of them
        more = f" (and {len(findings.no_classes) - 1} more label images)" if len(findings.no_classes) > 1 else ""
        findings.errors.append(f"{findings.no_classes[0]}{more}")
    if findings.drawn and findings.numbered:
        findings.errors.append(mixed(findings.drawn[0], findings.numbered[0]))
    said = [f"paired {paired.how}", *notes(findings, None), *class_notes(findings, classes)]
    said += [*plain.unlabelled(paired), *(f"an image without labels: {fault}" for fault in odd), *paired.left_aside]
    return report(name, [findings], _errors(name, [findings], list(paired.faults)), said, paired.how)


def _fault(image: Path) -> str:
    """Say what is wrong with an image, empty for nothing; without labels it stands in nobody's way."""
    try:
        require_contrast(read_grey_levels(image), image)
    except CellpruneError as error:
        return str(error)
    return ""


def _errors(name: str, findings: list[Findings], faults: list[str]) -> list[str]:
    errors = [*faults, *(error for sequence in findings for error in sequence.errors)]
    channels = {n: path for sequence in findings for n, path in sequence.channels.items()}
    if len(channels) > 1:
        shown = " and ".join(f"{n} in {path}" for n, path in sorted(channels.items()))
        errors.append(f"{name} has images of different channels, {shown}: save all with the same channels")
    n_gold = sum(sequence.n_frames["gold"] for sequence in findings)
    if n_gold < 2:
        if not faults:  # else what is annotated may be there, and stand in the way
            errors.append(f"{name} has {many(n_gold, 'annotated frame')}: annotate at least two, one to hold out")
    elif n_gold == sum(len(sequence.unknown) for sequence in findings):
        errors.append(f"every pixel of all {n_gold} images of {name} is ignored: there is nothing to learn or to score")
    elif all(sequence.n_read["gold"] == sequence.n_frames["gold"] for sequence in findings) and not any(
        len(sequence.cells) for sequence in findings
    ):  # what could not be read may show some
        errors.append(f"{name} has no cell in any of its {n_gold} annotated frames: annotate some cells")
    return errors


def _sequence(folder: Path, name: str, frames: list[Frame]) -> Findings:
    findings = Findings(name)
    for frame in frames:
        findings.n_frames.update(frame.files.keys())
        _look(frame, findings)
    if findings.n_frames["markers"]:
        unmarked = [frame.number for frame in frames if not frame.markers]
        findings.errors += _track_errors(ctc.tracks_path(folder, name), findings, unmarked)
    return findings


def _look(frame: Frame, findings: Findings, n_classes: int = 2) -> None:
    """Read all files of a frame and hold its kinds of truth against each other."""
    try:
        header = read_header(frame.image)
        findings.stacked += [frame.image] * header.looks_stacked
        levels = read_grey_levels(frame.image)
        require_contrast(levels, frame.image)
    except CellpruneError as error:
        findings.errors.append(str(error))
        return
    if fault := plain.too_small(frame.image, header.size):
        findings.errors.append(fault)
    findings.sizes.add(header.size)
    findings.grey_levels.update((levels.min().item(), levels.max().item()))
    if are_equal(levels):  # it goes with grey images and with colour ones
        findings.grey.append(frame.image)
    else:
        findings.channels.setdefault(header.channels, frame.image)
    if header.pixel_size_um is None:
        findings.n_without_pixel_size += 1
    else:
        findings.pixel_sizes_um.add(tuple(round(um, 4) for um in header.pixel_size_um))
    findings.dtypes.setdefault("image", set()).add(str(header.dtype))
    truth: dict[str, Labels] = {}
    for kind in ("gold", "silver", "markers"):
        if kind not in frame.files:
            continue
        try:
            truth[kind] = read_truth(frame, kind)
            findings.n_read[kind] += 1
            findings.dtypes.setdefault(kind, set()).add(str(read_header(frame.files[kind]).dtype))
        except CellpruneError as error:
            findings.errors.append(str(error))
    if frame.name and "gold" in truth:
        try:
            drawn = target(frame, "ignore", classes=n_classes)
            findings.unknown += [frame.id] * bool((drawn == IGNORED).all())
            values, counts = (column.tolist() for column in np.unique(drawn, return_counts=True))
            findings.n_pixels.update(dict(zip(values, counts, strict=True)))
        except ClassesError as error:
            findings.no_classes.append(str(error))
        except CellpruneError as error:
            findings.errors.append(str(error))
    if "gold" in truth:
        gold, pieces = truth["gold"], regions(truth["gold"])
        cells = areas_px(gold if n_classes == 2 else pieces)
        findings.gold_sizes.append(header.size)
        findings.annotated.append(Annotated(frame.id, digest(levels), digest(gold)))
        findings.cells += _discs(cells.values(), header.size)
        findings.pieces += _discs(areas_px(pieces).values(), header.size)
        numbers = np.unique(gold[gold > 0]).tolist()
        findings.values.update(numbers)
        if len(numbers) > 1:
            findings.numbered.append(frame.files["gold"])
        elif n_classes == 2 and draws(gold):
            findings.drawn.append(frame.files["gold"])
    if n_classes == 2:
        _compare(frame, truth, findings)


def _discs(areas_px: Iterable[int], size: tuple[int, int]) -> list[Disc]:
    diameters = (2 * (area / np.pi) ** 0.5 for area in areas_px)
    return [Disc(diameter, diameter / (size[0] * size[1]) ** 0.5) for diameter in diameters]


def _compare(frame: Frame, truth: dict[str, Labels], findings: Findings) -> None:
    gold, silver, markers = truth.get("gold"), truth.get("silver"), truth.get("markers")
    name = frame.name or frame.number
    if markers is not None:
        findings.marked.append(frame.number)
        tracks = np.unique(markers[markers > 0]).tolist()
        findings.n_tracked_cells += len(tracks)
        for track in tracks:
            findings.shown.setdefault(track, set()).add(frame.number)
    if gold is not None:
        n_gold = np.unique(gold[gold > 0]).size
        if n_gold == 0:
            findings.empty.append(name)
        if pieces := in_pieces(gold):
            findings.components.append(InPieces(name, tuple(pieces)))
    if gold is not None and markers is not None and (lacking := uncovered(markers, gold)):
        findings.missing.append(Lacking(name, len(lacking), len(tracks)))
    if silver is not None and markers is not None:
        findings.n_lacking_in_silver += len(uncovered(markers, silver))
    if silver is not None and gold is not None and n_gold:
        findings.jaccard.append(jaccard(gold, silver))


def _track_errors(path: Path, findings: Findings, unmarked: Sequence[int]) -> list[str]:
    """Hold man_track.txt against the markers, both ways."""
    if not path.is_file():
        return [f"{path} is missing: fetch the set again"]
    try:
        listed = ctc.tracks(path)
    except ctc.LayoutError as error:
        return [str(error)]
    faults = track_file.faults(path, listed, findings.shown, findings.marked, unmarked)
    return [f"{fault}: fetch the set again" for fault in faults]
