"""What every method around or during training promises, tested for each row of the table the moment it stands there."""

from pathlib import Path

import pytest
import torch

from cellprune import experiment
from cellprune.config import names
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.errors import CellpruneError
from cellprune.models.loaded import read
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.whole_channels import kept_by
from cellprune.structure.trace import find

pytestmark = pytest.mark.usefixtures("figures_left_empty")

TRAINING_METHODS = sorted([*names.methods("around"), *names.methods("during")])
TINY = ["data.size=[32, 32]", "model.width=4", "model.depth=1", "training.epochs=2", "pruning.ratio=0.35"]
FAST = ("gradual-channel", "rigl")  # masks that shrink, and that move
every_method = pytest.mark.parametrize("method", TRAINING_METHODS)


@pytest.mark.parametrize(
    "method", [m if m in FAST else pytest.param(m, marks=pytest.mark.slow) for m in TRAINING_METHODS]
)
def test_its_run_holds_exactly_the_final_mask_and_counts_every_epoch(
    method: str, tmp_path: Path, data_root: Path
) -> None:
    settings = load(assignments=[*TINY, f"pruning.method={method}"])
    folder = experiment.run(settings, runtime=Runtime(output=tmp_path / "run", data_root=data_root))
    masks, (_, weights, stored) = folder.read_masks(), folder.read_model()
    n_prunable, kept = sum(m.size for m in masks.values()), sum(int(m.sum()) for m in masks.values())
    if names.method(method).channels == "always":
        network = read(folder.path).architecture.whole.build()
        channels = find(network, torch.zeros(1, 1, 32, 32))
        left = kept_by(network, channels, {name: torch.from_numpy(mask) for name, mask in masks.items()})
        assert left is not None
        assert int(left.sum()) == int(0.65 * channels.count + 0.5)
        assert {name: weights[name].size for name in masks} == {name: mask.sum() for name, mask in masks.items()}
    else:
        assert kept == int(0.65 * n_prunable + 0.5)
        assert stored.keys() == masks.keys()
    assert folder.read_cost().parameters.kept == sum(int(m.sum()) for m in masks.values() if m.ndim > 1)
    for name, mask in stored.items():
        assert (masks[name] == mask).all()
        assert not weights[name][~mask].any()
        assert weights[name][mask].any()
    rows, record = folder.read_metrics(), folder.read_provenance()
    assert rows[-1].sparsity == 1 - kept / n_prunable
    assert len(rows) == record.epochs == 2 * len(record.stages)
    assert len(record.stages) == {"magnitude-after": 2, "lottery": 3}.get(method, 1)
    assert rows[-1].scores["iou_image_mean"] == folder.read_scores().summary["iou_image_mean"]["network"]
    assert not (folder.path / "state").exists()


@every_method
def test_prune_refuses_it_with_one_line(method: str) -> None:
    with pytest.raises(CellpruneError, match=f"cellprune train --method {method}") as refusal:
        prune(torch.nn.Linear(4, 4), method=method, sparsity=0.5)
    assert names.when(method) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@every_method
def test_it_says_where_it_comes_from(method: str) -> None:
    module, _ = names.METHODS[method].home.split(":")
    assert "\nSource: " in __import__(module, fromlist=["stages"]).__doc__


def test_every_method_works_at_one_time() -> None:
    assert [names.when(method) for method in ("prospr", "lottery", "rigl")] == [
        "at initialization", "around training", "during training",
    ]  # fmt: skip
