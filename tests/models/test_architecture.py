"""How a network is built, as a value: what is written comes back, and widths take the place of what they say anew."""

import pytest

from cellprune.config.load import load
from cellprune.errors import CellpruneError
from cellprune.models.architecture import Architecture

UNET = Architecture("unet", {"width": 4, "depth": 2, "norm": "batch", "padding": "same"}, in_channels=1, classes=2)


def test_what_is_written_comes_back() -> None:
    assert UNET.as_dict() == {
        "name": "unet", "width": 4, "depth": 2, "norm": "batch", "padding": "same", "in_channels": 1, "classes": 2,
    }  # fmt: skip
    narrow = UNET.with_widths((3, 5, 7))
    assert narrow.as_dict() == {
        "name": "unet", "norm": "batch", "padding": "same", "in_channels": 1, "classes": 2, "widths": [3, 5, 7],
    }  # fmt: skip
    for architecture in (UNET, narrow):
        assert Architecture.read(architecture.as_dict()) == architecture


def test_settings_ask_for_it() -> None:
    asked = load(assignments=["model.width=4", "model.depth=2"]).model
    assert Architecture.of(asked, in_channels=1, classes=2) == UNET
    asked = load(assignments=["model.widths=[3, 5, 7]", "model.depth=2"]).model
    assert Architecture.of(asked, in_channels=1, classes=2) == UNET.with_widths((3, 5, 7))


def test_shapes_are_those_of_the_network_and_cost_no_memory() -> None:
    network, shapes = UNET.build().state_dict(), UNET.shapes().state_dict()
    assert {name: value.shape for name, value in shapes.items()} == {n: value.shape for n, value in network.items()}
    assert all(value.is_meta for value in shapes.values())


def test_one_that_names_no_network_is_refused() -> None:
    for written, said in (({}, "have no name"), ({"name": 3}, "must be a name"), ({"name": "unett"}, "mean 'unet'")):
        with pytest.raises(CellpruneError, match=said):
            Architecture.read(written)
    with pytest.raises(LookupError, match="in_channels"):
        Architecture.read({"name": "unet", "classes": 2})
