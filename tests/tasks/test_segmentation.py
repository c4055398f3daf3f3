"""What segmentation brings to a run: parts that are found again, the input, the header of its model file."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cellprune import tasks
from cellprune.config.load import load
from cellprune.errors import CellpruneError, ScarceError
from cellprune.models import build
from cellprune.runs.modelcard import read_card
from cellprune.tasks import segmentation
from cellprune.tasks.segmentation import TASK
from cellprune.training.progress import unheard


@pytest.fixture(scope="module")
def dataset(data_root: Path):
    return TASK.open(load().data, data_root)


def test_settings_name_their_task() -> None:
    assert tasks.of(load()) is TASK
    assert tasks.of(load(assignments=["task=classification"])) is not TASK


@pytest.mark.parametrize("part", ["report", "train", "all"])
def test_a_part_of_a_run_is_found_again(dataset, part: str) -> None:
    settings = load(assignments=["data.select=0.3"])
    split = TASK.split(dataset, settings.data)
    again = TASK.again(dataset, split.written(), part)
    parts = {"report": split.report, "train": split.train, "all": (*split.train, *split.select, *split.report)}
    expected = {frame.id for frame in parts[part] if frame.gold}
    assert {frame.id for frame in again.report} == expected
    assert expected, "or the test is empty"


def test_the_whole_set_is_every_frame_with_gold_truth(dataset) -> None:
    whole = TASK.whole(dataset, load().data)
    assert [frame.id for frame in whole.report] == [frame.id for frame in dataset.gold_frames]
    assert len(whole.train) == 0


def test_recordings_are_those_of_all_parts(dataset) -> None:
    assert TASK.recordings(TASK.split(dataset, load().data)) == ("01", "02")
    assert TASK.recordings(TASK.whole(dataset, load().data)) == ("01", "02")


def test_the_input_is_of_the_settings_size_and_the_datas_channels(dataset) -> None:
    data = load(assignments=["data.size=[48, 64]"]).data
    assert TASK.input(dataset, data) == (1, 48, 64)
    assert TASK.input(replace(dataset, channels=3), data) == (3, 48, 64)


def test_the_header_says_how_an_image_becomes_the_networks_input(dataset) -> None:
    header = TASK.header(dataset, load(assignments=["data.size=[96, 104]"]))
    assert header["classes"] == ["background", "cell"]
    assert header["network_size_px"] == [96, 104]
    assert header["zoom"] == pytest.approx([0.5, 0.5]), "of images of 192 x 208 px"
    assert header["pixel_size_um"] == pytest.approx([0.65, 0.65])
    assert TASK.header(replace(dataset, pixel_size_um=None), load())["pixel_size_um"] is None


def test_of_crops_the_header_says_one_zoom_for_both_axes(dataset) -> None:
    own, fitted = (load(assignments=["data.crop=64", *more]) for more in ([], ["data.size=[96, 208]"]))
    assert TASK.input(dataset, own.data) == (1, 64, 64)
    for settings, zoom in ((own, 1.0), (fitted, 0.5)):
        header = TASK.header(dataset, settings)
        assert header["network_size_px"] == [64, 64]
        assert header["zoom"] == [zoom, zoom], "frames of 192 x 208 px keep their aspect"


def test_frames_that_no_memory_holds_are_refused_before_they_are_read(dataset, monkeypatch) -> None:
    settings = load(assignments=["data.crop=64"])
    monkeypatch.setattr(segmentation, "available_bytes", lambda _: 10**6)
    with pytest.raises(
        ScarceError, match=r"\d+ frames to cut crops from take at least .* GiB are free: lower data.size"
    ):
        TASK.loaders(dataset, TASK.split(dataset, settings.data), settings, 0, torch.device("cpu"))


def test_the_header_says_what_the_maps_mean_so_that_older_versions_take_no_others_for_classes(dataset) -> None:
    for target, n_maps in (("classes", 2), ("border", 3), ("distance", 2)):
        settings = load(assignments=[f"data.target={target}"])
        header = TASK.header(dataset, settings)
        assert (header["target"], TASK.outputs(dataset, settings.data)) == (target, n_maps)
        assert header["decision_rule"] == ("argmax" if target == "classes" else "decoder")


def test_frames_to_choose_on_are_decoded_as_the_model_file_will_say(dataset, monkeypatch) -> None:
    settings = load(assignments=["data.select=0.3", "data.size=[32, 32]", "data.target=classes"])
    loaders = TASK.loaders(dataset, TASK.split(dataset, settings.data), settings, 0, torch.device("cpu"))
    used, decode = [], segmentation.decoded

    def noted(card, maps, size):
        used.append(card.usual_decoder)
        return decode(card, maps, size)

    monkeypatch.setattr(segmentation, "decoded", noted)
    network = build({"name": "unet", "width": 2, "depth": 1})
    judged = TASK.scores(network, loaders, "select", None, unheard)
    architecture = {"in_channels": 1, "classes": 2}
    written = {"architecture": architecture, **TASK.header(dataset, settings)}
    its_own = read_card({**written, **TASK.decoding(loaders)}, "the model")
    assert used == [its_own.usual_decoder] * len(judged.cells.images)
    assert its_own.usual_decoder != read_card(written, "the model").usual_decoder, "its numbers are those of its cells"


def test_a_border_that_nobody_knows_cannot_be_ignored(dataset) -> None:
    settings = load(assignments=["data.ignore_border=true"])
    split = TASK.split(dataset, settings.data)
    unknown = replace(dataset, field_of_interest_px=None)
    with pytest.raises(CellpruneError, match="has no known field of interest: remove --ignore-border"):
        TASK.loaders(unknown, split, settings, 0, torch.device("cpu"))
