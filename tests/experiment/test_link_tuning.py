"""The linker's numbers: chosen on true tracks of whole recordings that are learned from, and written down."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune.config.load import load
from cellprune.experiment import link_tuning
from cellprune.experiment.opening import open_data
from cellprune.report import sentences
from cellprune.runs import tuning
from cellprune.runs.linking import Linking
from cellprune.runs.modelcard import ModelCard
from cellprune.targets.decoders import Components


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of one cell of 6 x 6 px, which moves by 9 px: farther than its width."""
    root = tmp_path_factory.mktemp("moving")
    for sequence in ("01", "02"):
        for at in range(4):
            labels = np.zeros((32, 48), np.uint16)
            labels[8:14, 2 + 9 * at : 8 + 9 * at] = 1
            names = (f"{sequence}/t", f"{sequence}_GT/SEG/man_seg", f"{sequence}_GT/TRA/man_track")
            for name in names:
                path = root / f"{name}{at:03}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, labels)
        (root / f"{sequence}_GT/TRA/man_track.txt").write_text("1 0 3 0\n")
    return root


def chosen(folder: Path, *more: str) -> tuning.LinkTuning | None:
    opened = open_data(load(assignments=[f"data.dataset={folder}", *more]), None)
    return link_tuning.of(opened.frames, opened.split)


def test_the_recording_that_is_learned_from_says_how_far_its_cells_move(folder: Path, tmp_path: Path) -> None:
    links = chosen(folder, "data.split=sequence")
    assert links is not None
    assert (links.recordings, links.n_links, links.before) == (("01",), 3, tuning.TriedLinking(Linking(), 0.0))
    assert links.after.lnk == 1
    assert 9 < links.after.linking.max_distance_px < 12, "the nearest of those that will do"
    assert link_tuning.header(links)["linking"]["max_distance_px"] == links.after.linking.max_distance_px
    card = {"classes": ["background", "cell"], "zoom": [1, 1], **link_tuning.header(links)}
    assert ModelCard.model_validate(card).linking == links.after.linking
    assert "of 01 (3\u00a0links). The best one is max_distance_px 10.16" in sentences.links(links)[0].replace(
        "3 l", "3\u00a0l"
    )
    made = tuning.Tuning(tried=(tuning.Tried(Components(), None),), links=links)
    tuning.write(tmp_path / "tuning.json", made)
    assert tuning.read(tmp_path / "tuning.json") == made


def test_a_recording_of_which_a_frame_is_held_out_has_no_say(folder: Path) -> None:
    assert chosen(folder, "data.holdout=0.5", "data.split_seed=1") is None
    links = chosen(folder, "data.split=block", "data.holdout=0.13")
    assert links is not None
    assert len(links.recordings) == 1


def test_the_usual_numbers_stay_among_equals_and_nothing_is_written() -> None:
    own = tuning.TriedLinking(Linking(), 0.5)
    links = tuning.LinkTuning((own, tuning.TriedLinking(Linking(overlap=2), 0.5)), 0, ("01",), 4)
    assert link_tuning.header(links) == link_tuning.header(None) == {}
    assert sentences.links(None) == []
    assert sentences.links(links)[0].endswith("None has a better LNK than the usual one (0.5000), which stays.")
    with pytest.raises(ValueError, match="linking 2 of 2 is chosen"):
        tuning.LinkTuning(links.tried, 2, ("01",), 4)
