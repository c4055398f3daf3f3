"""The cells of a run: true ones by number or by piece, found ones as they are given, ignored ones left out."""

from pathlib import Path

import numpy as np
import tifffile

from cellprune.data.cells.frames import Frame
from cellprune.data.cells.loaders import Sample
from cellprune.tasks.cells import scored

SIZE = (40, 48)


def sample(
    folder: Path, name: str, truth: np.ndarray, target: np.ndarray | None = None, frame_name: str | None = None
) -> Sample:
    """Write an image and its truth, and give them as they are scored."""
    for kind, pixels in (("image", np.arange(truth.size, dtype=np.uint16).reshape(SIZE)), ("gold", truth)):
        tifffile.imwrite(folder / f"{name}_{kind}.tif", pixels)
    image, gold = (folder / f"{name}_{kind}.tif" for kind in ("image", "gold"))
    frame = Frame("drawn", "01", int(name), image, gold=gold, silver=None, markers=None, name=frame_name)
    drawn = (truth > 0).astype(np.uint8) if target is None else target
    return Sample(frame, truth.astype(np.int32), drawn, np.zeros((1, *SIZE), np.float32))


def two(first: int, second: int) -> np.ndarray:
    """Draw two squares that touch."""
    drawn = np.zeros(SIZE, np.uint16)
    drawn[4:12, 4:12], drawn[4:12, 12:20] = first, second
    return drawn


def test_touching_cells_that_are_found_as_one_are_merged(tmp_path: Path) -> None:
    judged, pictures = scored([(sample(tmp_path, "3", two(1, 2)), two(5, 5))], field_of_interest_px=0)
    (image,), (place,) = judged.images, pictures.closeups
    assert (place.error, place.id, place.n_true, place.x, place.y) == ("merged", "01/003", 2, 12, 8)
    assert pictures.frames[0].id == "01/003"
    assert (image.id, image.sequence, image.frame) == ("01/003", "01", 3)
    assert (image.count.true, image.count.found, image.count.merged) == (2, 1, 2)
    assert (judged.summary["seg"], judged.summary["merged_share"]) == (0.5, 1)
    outside, _ = scored([(sample(tmp_path, "3", two(1, 2)), two(5, 5))], field_of_interest_px=20)
    assert (outside.field_of_interest_px, outside.images[0].count.true) == (20, 0)


def test_truth_that_only_draws_cells_has_one_per_piece(tmp_path: Path) -> None:
    apart = two(255, 0)
    apart[20:28, 4:12] = 255
    for of_plain_folder, expected in ((True, [1, 2]), (False, [1, 1])):
        names = ("a.tif", "b.tif") if of_plain_folder else (None, None)
        samples = [
            sample(tmp_path, str(at), truth, frame_name=name)
            for at, (truth, name) in enumerate(zip((two(255, 255), apart), names, strict=True))
        ]
        judged, _ = scored([(each, apart) for each in samples], field_of_interest_px=0)
        assert [image.count.true for image in judged.images] == expected


def test_ignored_cells_are_not_extra(tmp_path: Path) -> None:
    target = two(1, 255).astype(np.uint8)
    judged, _ = scored([(sample(tmp_path, "0", two(1, 0), target), two(1, 2))], field_of_interest_px=0)
    assert (judged.images[0].count.found, judged.images[0].count.extra) == (1, 0)
