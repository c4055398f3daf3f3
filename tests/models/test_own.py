"""A network of the user's own: built where a person names it, never because a file says so; its faults are named."""

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import cellprune
from cellprune.config import own
from cellprune.config.model import Model
from cellprune.errors import CellpruneError
from cellprune.models import loaded
from cellprune.models.architecture import Architecture
from cellprune.models.own import OwnNetwork
from cellprune.runs import modelfile

CODE = """
from pathlib import Path

from torch import nn

with Path("runs.txt").open("a") as file:
    file.write("run")


def build(in_channels, classes):
    return nn.Sequential(nn.Conv2d(in_channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, classes, 1))


def wrong(in_channels, classes):
    size = in_channels
    return nn.Conv2d(size, size / 0, 1)


class Concat(nn.Module):
    def __init__(self, in_channels, classes):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, 4, 3)

    def forward(self, image):
        return self.layer(image).reshape(1, 7, -1)


done = nn.Identity()
number = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/net.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def was_run() -> bool:
    return Path("runs.txt").exists()


def architecture(name: str = "nets/net.py:build") -> Architecture:
    return Architecture.of(Model(name=name).with_code_told(), in_channels=1, classes=2)


@pytest.fixture
def file(here: Path) -> Path:
    torch.manual_seed(0)
    weights = {name: value.numpy() for name, value in architecture().build().state_dict().items()}
    modelfile.write(here / "cells.safetensors", {"architecture": architecture().as_dict()}, weights, {})
    Path("runs.txt").unlink()
    for module in [name for name in sys.modules if name.startswith("cellprune_own_")]:
        del sys.modules[module]  # so that it would be run again
    return here / "cells.safetensors"


def test_settings_tell_the_content_and_run_nothing() -> None:
    asked = Model(name="nets/net.py:build").with_code_told()
    assert asked.model_dump() == {"name": "nets/net.py:build", "source_sha256": own.sha256("nets/net.py:build")}
    assert not was_run()
    assert architecture().as_dict() == {
        "name": "net.py:build", "source_sha256": asked.source_sha256, "in_channels": 1, "classes": 2,
    }  # fmt: skip
    assert was_run()


def test_a_file_never_runs_code_and_loads_where_its_code_is_named(file: Path) -> None:
    with pytest.raises(
        CellpruneError,
        match=r"cells.safetensors: it is of 'net.py:build', a network of your own, whose .* --model FILE",
    ):
        cellprune.load(file)
    Path("nets/copy.py").write_text(CODE + "\n", encoding="utf-8")
    with pytest.raises(
        CellpruneError, match=r"the source has changed: it is of 'net.py:build', .* 'nets/copy.py:build'"
    ):
        cellprune.load(file, "nets/copy.py:build")
    with pytest.raises(CellpruneError, match=r"it is of the network 'net.py:build', not of 'nets/net.py:wrong'"):
        cellprune.load(file, "nets/net.py:wrong")
    with pytest.raises(CellpruneError, match=r"--model 'unet' is no network of your own: write FILE.py:NAME"):
        cellprune.load(file, "unet")
    assert not was_run()
    named = loaded.read(file, "nets/net.py:build")
    assert was_run()
    torch.manual_seed(0)
    expected = architecture().build().state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in named.network.state_dict().items())


def test_in_python_a_function_builds_it_if_the_weights_fit(file: Path) -> None:
    def build(in_channels: int, classes: int, width: int = 4) -> nn.Module:
        return nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, classes, 1))

    network = cellprune.load(file, build)
    assert network(torch.zeros(1, 1, 8, 8)).shape == (1, 2, 8, 8)
    assert not was_run()
    with pytest.raises(CellpruneError, match=r"describes no network that can be built .*do not fit"):
        cellprune.load(file, lambda in_channels, classes: build(in_channels, classes, 5))


def test_code_that_a_file_has_no_use_for_is_refused(tmp_path: Path) -> None:
    unet = Architecture("unet", {"width": 2, "depth": 1}, in_channels=1, classes=2)
    weights = {name: value.numpy() for name, value in unet.build().state_dict().items()}
    modelfile.write(tmp_path / "unet.safetensors", {"architecture": unet.as_dict()}, weights, {})
    with pytest.raises(CellpruneError, match="is of 'unet', no network of your own: remove --model"):
        cellprune.load(tmp_path / "unet.safetensors", "nets/net.py:build")
    assert loaded.read(tmp_path / "unet.safetensors", "nets/net.py:build", needs_it=False).architecture == unet
    assert not was_run()


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("build.py:build", r"no file 'build.py' in "),
        ("nets/net.py:built", r"no network 'built' \(in nets/net.py\).\nDid you mean 'build'"),
        (
            "nets/net.py:number",
            r"'net.py:number' is int, which builds nothing: give a function \(in_channels, classes\)",
        ),
        ("nets/net.py:done", r"'net.py:done' is Identity, which builds nothing"),
        ("nets/net.py:Path", r"'net.py:Path' gives|cannot be built"),
        ("nets/net.py:wrong", r"'net.py:wrong' cannot be built \(ZeroDivisionError: division by zero, line 16\): mend"),
        (
            lambda: nn.Identity(),
            r"'<lambda>' does not take the arguments \(in_channels, classes\) \(too many|unexpected",
        ),
        (lambda in_channels, classes: 3, r"network '<lambda>' gives int: let it return a torch.nn.Module"),
        (lambda in_channels, classes: nn.LazyLinear(2), r"has no shape yet: call the network once"),
    ],
)
def test_what_builds_no_network_is_said_in_one_line(named: str | Callable[..., nn.Module], words: str) -> None:
    with pytest.raises(CellpruneError, match=words):
        OwnNetwork.of(named).build(1, 2)


def test_a_network_that_is_another_at_each_call_is_named() -> None:
    generator = torch.Generator()
    generator.seed()

    def drawn_anew(in_channels: int, classes: int) -> nn.Module:
        network = nn.Conv2d(in_channels, classes, 1)
        nn.init.normal_(network.weight, generator=generator)
        return network

    def of_any_width(in_channels: int, classes: int, widths: list[int] = []) -> nn.Module:  # noqa: B006
        widths.append(random.randint(1, 9) + len(widths))
        return nn.Conv2d(in_channels, len(widths), 1)

    state = torch.get_rng_state()
    with pytest.raises(CellpruneError, match=r"other weights at each call, with the same seed \('weight'\)"):
        OwnNetwork.of(drawn_anew).require_the_same(1, 2)
    with pytest.raises(CellpruneError, match=r"is another one at each call \('weight' is of shape .* and of shape "):
        OwnNetwork.of(of_any_width).require_the_same(1, 2)
    architecture().own.require_the_same(1, 2)  # type: ignore[union-attr]
    assert torch.equal(torch.get_rng_state(), state)


class Giving(nn.Module):
    """Gives what it is told."""

    def __init__(self, gives: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.layer, self.gives = nn.Conv2d(1, 2, 1), gives

    def forward(self, image: torch.Tensor) -> object:
        return self.gives(self.layer(image))


@pytest.mark.parametrize(
    ("gives", "words"),
    [
        (lambda maps: [maps], r"given images of shape \(2, 1, 8, 6\), gives list: let it return one tensor"),
        (lambda maps: maps[:, :1], r"gives shape \(2, 1, 8, 6\): let it return \(2, 2, 8, 6\), one map for each class"),
        (lambda maps: maps[..., ::2], r"gives shape \(2, 2, 8, 3\): let it return \(2, 2, 8, 6\)"),
        (lambda maps: maps / 0, "gives NaN or infinity before any training"),
        (lambda maps: maps @ maps, r"fails \(RuntimeError: .*\): mend its code"),
    ],
)
def test_a_network_that_does_not_give_what_is_learned_is_named(
    gives: Callable[[torch.Tensor], object], words: str
) -> None:
    with pytest.raises(CellpruneError, match=words):
        OwnNetwork.of(lambda in_channels, classes: Giving(gives)).require_fit(Giving(gives), (1, 8, 6), 2, "maps")


def test_the_line_of_a_forward_that_fails_is_told_and_a_class_for_an_image_has_its_shape() -> None:
    code = OwnNetwork.of("nets/net.py:Concat")
    with pytest.raises(CellpruneError, match=r"fails \(RuntimeError: shape .* is invalid .*, line 25\): mend its code"):
        code.require_fit(code.build(1, 2), (1, 8, 8), 2, "maps")
    pooled = nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    code.require_fit(pooled, (1, 8, 8), 2, "classes")
    with pytest.raises(CellpruneError, match="one number for each class"):
        code.require_fit(nn.Conv2d(1, 2, 1), (1, 8, 8), 2, "classes")


def test_a_network_of_ones_own_has_no_levels_even_if_it_says_so() -> None:
    from cellprune.controls.families import levels_of

    said = "the widths of net.py:build stand in its code, so there is no narrow or flat one of it: take another"
    with pytest.raises(CellpruneError, match=said):
        levels_of(architecture())
    with pytest.raises(CellpruneError, match=r"the widths of net.py:build stand in its code: take another --model"):
        architecture().with_widths((2, 4))
