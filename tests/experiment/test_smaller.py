"""A run whose channels leave the network: from there on everything is of the smaller one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cellprune
from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.errors import CellpruneError
from cellprune.experiment import record, settling
from cellprune.experiment.evaluate import evaluate
from cellprune.models.unet import UNet
from cellprune.runs import maskfile, modelfile
from cellprune.runs.folder import Folder
from cellprune.structure.cost import cost

pytestmark = pytest.mark.usefixtures("figures_left_empty")

TINY = ["data.size=[32, 32]", "model.width=6", "model.depth=1", "training.epochs=1"]
HALF = ("pruning.granularity=channel", "pruning.ratio=0.5")


@pytest.fixture(scope="module")
def start(data_root: Path) -> Callable[..., Folder]:
    def run(output: Path, *more: str) -> Folder:
        return experiment.run(load(assignments=[*TINY, *more]), runtime=Runtime(output=output, data_root=data_root))

    return run


@pytest.fixture(scope="module", params=["random", pytest.param("gradual-channel", marks=pytest.mark.slow)])
def run(
    request: pytest.FixtureRequest, start: Callable[..., Folder], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Folder, nn.Module]:
    """A run, and its network as it was when it was written."""
    trained: list[nn.Module] = []
    write = record.write_model

    def written(work: Any, *more: Any) -> None:
        trained.append(work.setup.network)
        write(work, *more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record, "write_model", written)
        folder = start(tmp_path_factory.mktemp("smaller") / "run", f"pruning.method={request.param}", *HALF)
    return folder, trained[0].eval()


@pytest.mark.slow
def test_the_file_holds_the_trained_network_and_it_is_smaller(run: tuple[Folder, nn.Module]) -> None:
    folder, trained = run
    loaded, images = cellprune.load(folder.path), torch.randn(2, 1, 40, 24)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, trained.state_dict()[name]), name
    with torch.no_grad():
        assert torch.allclose(loaded(images), trained(images), rtol=1e-4, atol=1e-5)  # in another layout
    n_values = sum(value.numel() for value in loaded.state_dict().values())
    assert folder.file("model").stat().st_size <= 4 * n_values + 5000
    assert all(parameter.any() for parameter in loaded.parameters()), "nothing is only zeros"
    assert cellprune.predict(loaded, np.random.default_rng(0).integers(0, 255, (30, 50), np.uint8)).shape == (30, 50)


def test_masks_tell_which_channels_were_chosen(run: tuple[Folder, nn.Module]) -> None:
    folder, trained = run
    masks = folder.read_masks()
    for name, parameter in trained.named_parameters():
        kept = masks[name].sum() if name in masks else parameter.numel()
        assert parameter.numel() == kept, name
    assert folder.read_metrics()[-1].sparsity > 0.4


def test_its_cost_is_that_of_the_smaller_network_beside_the_dense_one(run: tuple[Folder, nn.Module]) -> None:
    folder, trained = run
    told, own = folder.read_cost(), cost(trained, (1, 32, 32))
    assert told.shrunk
    assert told.parameters.left == own.parameters.total < told.parameters.total
    assert told.macs.masked == own.macs.dense < told.macs.dense
    assert [row.channels_kept for row in told.layers] == [row.channels for row in own.layers]
    assert [row.macs_kept for row in told.layers] == [row.macs for row in own.layers]
    assert told.bytes.model_file == folder.file("model").stat().st_size
    assert told.milliseconds.pruned
    page = folder.file("report").read_text(encoding="utf-8")
    assert "no longer in the network" in page
    assert "a zero is multiplied" not in page


def test_it_is_evaluated_again(run: tuple[Folder, nn.Module], data_root: Path) -> None:
    again = evaluate(run[0].path, part="all", data_root=data_root)
    scored = {image.id: image for image in run[0].read_scores().images if image.size == "network"}
    assert scored
    assert {image.id: image for image in again.images if image.size == "network"}.items() >= scored.items()


def test_a_network_that_names_its_channels_is_refused_before_any_work(
    start: Callable[..., Folder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = UNet.levels

    def naming(network: UNet, x: Tensor) -> Tensor:
        assert network.down[0][0].out_channels == 6, "six channels"
        return levels(network, x)

    monkeypatch.setattr(UNet, "levels", naming)
    for method in ("random", "gradual-channel"):
        with pytest.raises(CellpruneError) as refused:
            start(tmp_path / "run", f"pruning.method={method}", *HALF)
        assert "UNet names a number of its channels" in str(refused.value)
        assert ": add --set pruning.shrink=false, which sets the removed" in str(refused.value)
        assert not (tmp_path / "run").exists()


def test_given_masks_tell_by_themselves_whether_whole_channels_leave(tmp_path: Path) -> None:
    weights = {"a.weight": np.ones((2, 3), bool)}
    for masks, more, shrinks in (
        (weights, (), False),
        ({**weights, "a.bias": np.ones(2, bool)}, (), True),
        ({**weights, "a.bias": np.ones(2, bool)}, ("pruning.shrink=false",), False),
    ):
        maskfile.write(tmp_path / "masks", masks)
        asked = load(assignments=[f"pruning.masks={tmp_path / 'masks'}", *more])
        assert settling.with_masks_told(asked).pruning.shrinks == shrinks


@pytest.mark.slow
def test_both_forms_learn_the_same(start: Callable[..., Folder], tmp_path: Path) -> None:
    small = start(tmp_path / "small", "pruning.method=random", *HALF)
    masked = start(tmp_path / "masked", "pruning.method=random", "pruning.shrink=false", *HALF)
    assert small.file("masks").read_bytes() == masked.file("masks").read_bytes()
    assert small.read_metrics()[0].loss == pytest.approx(masked.read_metrics()[0].loss, rel=1e-4)
    assert modelfile.read(masked.file("model")).header["format_version"] == 1
    given = start(tmp_path / "given", f"pruning.masks={small.path}")
    weights, theirs = small.read_model().weights, given.read_model().weights
    assert all(np.array_equal(theirs[name], value) for name, value in weights.items())
