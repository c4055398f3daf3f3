"""Scores that several runs need: masks are those of a run alone, bit for bit; what decides scores has its own file."""

from pathlib import Path

import pytest
import torch
from tiny_jobs import TINY

from cellprune.config.load import load
from cellprune.experiment import choose, kept_scores
from cellprune.experiment.opening import Setup, open_data, set_up
from cellprune.pruning.kinds import Masks
from cellprune.pruning.scoring import at_once
from cellprune.training.accelerator import start


def setup(data_root: Path, *assignments: str) -> Setup:
    torch.set_num_threads(1)
    settings = load(assignments=[*TINY, *assignments])
    return set_up(open_data(settings, data_root), start("cpu"))


def masks(made: Setup, folder: Path | None) -> Masks:
    return choose.masks(made, {}, once=kept_scores.kept_in(folder, made, {}) if folder else at_once)


@pytest.mark.parametrize("how", ["pruning.granularity=weight", "pruning.granularity=channel"])
def test_one_scoring_gives_the_masks_of_every_amount_bit_for_bit(how: str, tmp_path: Path, data_root: Path) -> None:
    for n, amount in enumerate(["ratio=0.5", "ratio=0.7", "budget=macs=0.5"]):
        text = [f"pruning.{amount}", how]
        made = setup(data_root, *text)
        alone, shared = masks(made, None), masks(made, tmp_path)
        assert all(torch.equal(alone[name], shared[name]) for name in alone.keys() | shared.keys()), (n, amount)
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_other_seeds_methods_and_options_are_scored_anew_and_rounds_are_not_kept(
    tmp_path: Path, data_root: Path
) -> None:
    for text in ("seed=0", "seed=1", "pruning.batch_size=2"):
        masks(setup(data_root, text), tmp_path)
    masks(setup(data_root, "pruning.method=random"), tmp_path)
    masks(setup(data_root, "pruning.method=iterative-snip", "pruning.rounds=2"), tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_damaged_scores_are_computed_anew(tmp_path: Path, data_root: Path) -> None:
    made = setup(data_root)
    first = masks(made, tmp_path)
    [kept] = tmp_path.glob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:-7])
    again = masks(made, tmp_path)
    assert all(torch.equal(first[name], again[name]) for name in first)
