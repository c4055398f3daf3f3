"""Tuning on drawn cells: what would be scored decides, on frames that were learned from."""

from collections.abc import Callable

import numpy as np
import pytest
import tifffile
import torch
from drawn_discs import touching_discs
from torch import nn

from cellprune.config.decoding import Decoding
from cellprune.config.load import load
from cellprune.data.cells.loaders import Loaders
from cellprune.targets.decoders import Components, Watershed
from cellprune.tasks import tuning
from cellprune.tasks.segmentation import TASK
from cellprune.tasks.tuning import LEAST_CELLS, tune
from cellprune.training.progress import unheard

Load = Callable[..., Loaders]


class Bright(nn.Module):
    """Sees a cell where a pixel is bright: discs exactly, so that those that touch are one piece."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 2, 1)
        with torch.no_grad():
            self.look.weight.copy_(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1))
            self.look.bias.zero_()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.look(image)


@pytest.fixture(scope="module")
def loaders(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("cells")
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    for at in range(6):
        labels = touching_discs(at, side=128, n=12)
        tifffile.imwrite(folder / "images" / f"{at}.tif", np.where(labels > 0, 200, 10).astype(np.uint8))
        tifffile.imwrite(folder / "labels" / f"{at}.tif", labels.astype(np.uint16))

    def loaded(*words: str) -> Loaders:
        settings = load(assignments=[f"data.dataset={folder}", "data.size=[128, 128]", "data.target=classes", *words])
        dataset = TASK.open(settings.data, None)
        return TASK.loaders(dataset, TASK.split(dataset, settings.data), settings, 0, torch.device("cpu"))

    return loaded


def test_the_decoder_with_the_best_seg_is_chosen_on_frames_that_were_learned_from(loaders: Load) -> None:
    of_run, told = loaders("decoder.name=components"), list[tuple[int, int]]()
    assert of_run.card.decoder == Components()
    found = tune(Bright(), of_run, Decoding(), 2 * 128**2, None, lambda done, total: told.append((done, total)))
    learned = [frame.id for frame in of_run.frames("train")]
    assert found.frames == (learned[1], learned[3]), "spread evenly over five"
    assert (found.n_cells, told, found.skipped) == (24, [(1, 2), (2, 2)], None)
    assert found.before.decoder == Components()
    assert isinstance(found.after.decoder, Watershed)
    assert found.after.decoder.min_area_px == 0.1 * of_run.card.cells.area_px, "no piece is small, so a tenth stays"
    assert found.before.seg < 0.6 < 0.9 < found.after.seg == max(each.seg for each in found.tried)
    again = tune(Bright(), of_run.decoded_by(found.after.decoder), Decoding(), 2 * 128**2, None, unheard)
    assert (again.chosen, again.after) == (0, found.after), "of equals the own one stays"


def test_of_decoders_with_one_seg_the_one_that_finds_no_specks_is_chosen(
    loaders: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_specks(maps: np.ndarray) -> np.ndarray:
        specks = np.zeros_like(maps[1])
        specks[::16, ::16] = maps[1].max()  # of one pixel, most of them on the background
        return np.stack([maps[0] - specks, maps[1] + specks])

    of_run = loaders("decoder.name=components", "decoder.min_area_px=0.5")
    plain = tuning.with_maps
    monkeypatch.setattr(tuning, "with_maps", lambda *given: ((s, with_specks(m)) for s, m in plain(*given)))
    found = tune(Bright(), of_run, Decoding(name="components"), 2 * 128**2, None, unheard)
    assert {each.seg for each in found.tried} == {found.before.seg}, "SEG sees none of them"
    assert found.after.decoder.min_area_px > 1


def test_what_was_given_is_not_tuned(loaders: Load) -> None:
    fixed = Decoding(name="components")
    found = tune(Bright(), loaders(), fixed, 2 * 128**2, None, unheard)
    assert {type(each.decoder) for each in found.tried[1:]} == {Components}
    everything = load(assignments=["data.target=classes", "decoder.name=components", "decoder.min_area_px=7"]).decoder
    of_run = loaders("decoder.name=components", "decoder.min_area_px=7")
    found = tune(Bright(), of_run, everything, None, None, unheard)
    assert (found.tried[0].decoder, found.skipped) == (Components(min_area_px=7), "all its numbers were given")


def test_where_cells_have_no_numbers_or_are_few_nothing_is_tried(loaders: Load) -> None:
    of_run = loaders()
    few = tune(Bright(), of_run, Decoding(), 1, None, unheard)
    assert few.skipped.startswith(f"12 cells in 1 frame are too few, {LEAST_CELLS} are needed")
    assert (few.frames, few.chosen, few.before.seg) == ((), 0, None)
    header = {"classes": ["background", "cell"], "zoom": (1.0, 1.0)}
    old = tune(Bright(), of_run, Decoding(), None, header, unheard)
    assert (old.before.decoder, old.skipped) == (Components(), "it is not known how large the training cells were")
    header["classes"].append("debris")
    assert "labels are classes" in tune(Bright(), of_run, Decoding(), None, header, unheard).skipped
