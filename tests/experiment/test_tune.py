"""Tuning: the best decoder on the frames learned from stands in the run's files, and nothing else of it changes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import typed

from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.experiment.evaluate import evaluate
from cellprune.report import sentences
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import ModelCard, read_card
from cellprune.runs.tuning import Tried, content
from cellprune.targets.decoders import BorderSeeds

pytestmark = pytest.mark.usefixtures("figures_left_empty")

TINY = [
    "data.size=[64, 64]", "model.width=4", "model.depth=2", "training.epochs=4", "training.evaluate_every=4",
    "data.target=border",
]  # fmt: skip


def card_of(folder: Folder) -> ModelCard:
    return read_card(folder.read_model()[0], "the run")


@pytest.mark.slow
def test_the_best_decoder_on_the_frames_learned_from_is_written(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = experiment.run(
        load(assignments=TINY), runtime=Runtime(output=tmp_path / "run", data_root=data_root), command=["train"]
    )
    header, weights, masks = folder.read_model()
    useless = BorderSeeds(seed=1.0, foreground=1.0, min_area_px=1e6)
    folder.write_model(
        {key: value for key, value in header.items() if key != "format_version"}
        | card_of(folder).model_copy(update={"decoder": useless}).decoding(),
        weights,
        masks,
    )
    size = folder.read_cost().bytes.model_file
    folder.write_cost(replace(folder.read_cost(), bytes=replace(folder.read_cost().bytes, model_file=1)))
    words = ("tune", folder.path, "--data-root", data_root)
    capsys.readouterr()
    assert typed(*words, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    tuning = folder.read_tuning()
    assert said == {"run": str(folder.path), **content(tuning)}
    assert tuning.before == Tried(useless, 0)
    assert tuning.after.seg == max(each.seg for each in tuning.tried) > 0
    assert len(tuning.frames) == 13, "all that it learned from"
    tuned = card_of(folder)
    assert tuned.decoder == tuning.after.decoder
    assert isinstance(tuned.decoder, BorderSeeds)
    assert tuned == card_of(folder).model_copy(update={"decoder": tuned.decoder})
    again = folder.read_model()
    assert all(np.array_equal(again.weights[name], value) for name, value in weights.items())
    assert {key: value for key, value in again.header.items() if key != "decoder"} == {
        key: value for key, value in header.items() if key != "decoder"
    }
    assert abs(folder.read_cost().bytes.model_file - size) < 100
    assert folder.read_cost().bytes.model_file == folder.file("model").stat().st_size
    page = folder.file("report").read_text()
    assert sentences.tuned(tuning) in page
    assert "by the decoder as it was before it was tuned" in page, "the curves are"
    assert sentences.tuned(tuning) in folder.log_path.read_text()
    fresh = evaluate(folder.path, part="all", data_root=data_root, device="cpu")
    scored = {image.id: image for image in folder.read_scores().images if image.size == "native"}
    assert scored.items() <= {image.id: image for image in fresh.images if image.size == "native"}.items()
    before = folder.read_scores()
    assert typed(*words) == 0
    assert f"None has a better SEG than {sentences.decoder(tuned.decoder)}, which stays" in capsys.readouterr().out
    asked = ("evaluate", folder.path, "--data-root", data_root, "--json", "--set")
    assert typed(*asked, "decoder.min_area_px=1e6") == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert (cells["summary"]["seg"], cells["summary"]["missed_share"]) == (0, 1)
    assert folder.read_scores() == before, "evaluate writes nothing"
    assert typed(*asked, "decoder.smoothing_px=1") == 2
    assert "decoder.smoothing_px is no number of the decoder border" in capsys.readouterr().err


def test_what_cannot_be_tuned_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("tune", tmp_path) == 2
    assert "is no run: give the folder of a finished run" in capsys.readouterr().err
