"""A model file's header is believed in nothing."""

import pytest

from cellprune.config.decoding import Decoding
from cellprune.config.names import TARGETS
from cellprune.errors import CellpruneError
from cellprune.models import build
from cellprune.runs.modelcard import InputSizes, ReceptiveField, read_card
from cellprune.targets.decoders import CellSize, Components, decoder_of

# as the first runs wrote it: no receptive field, and keys that predicting does not read
OLD = {
    "architecture": {"name": "unet", "in_channels": 1, "classes": 2, "width": 8},
    "input_axes": "NCHW",
    "classes": ["background", "cell"],
    "decision_rule": "argmax",
    "normalization": {"name": "zero-mean-unit-variance", "per": "image", "when": "after resizing"},
    "network_size_px": [256, 256],
    "zoom": [0.49, 0.36],
    "pixel_size_um": [0.65, 0.65],
    "provenance_sha256": "0" * 64,
    "format_version": 1,
}


def test_a_header_of_the_first_runs_is_read() -> None:
    card = read_card(OLD, "model")
    assert card.zoom == (0.49, 0.36)
    assert card.pixel_size_um == (0.65, 0.65)
    assert card.classes == ("background", "cell")
    assert card.in_channels == 1
    assert card.receptive_field is None


def test_a_header_with_a_receptive_field_is_read() -> None:
    card = read_card(OLD | {"receptive_field": {"radius_px": 94, "stride_px": 16}, "pixel_size_um": None}, "model")
    assert card.receptive_field == ReceptiveField(radius_px=94, stride_px=16)
    assert card.pixel_size_um is None


def test_an_older_file_is_decoded_as_it_was() -> None:
    card = read_card(OLD, "model")
    assert (card.target, card.n_maps, card.gives_probabilities) == ("classes", 2, True)
    assert card.usual_decoder == card.decoder_by(Decoding(name="components")) == Components()


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_written_of_a_target_is_read_again(target: str) -> None:
    header = OLD | {"architecture": {}, "target": target}
    card = read_card(header, "model").with_cells(CellSize(400, 11.5))
    again = read_card(header | card.decoding(), "model")
    assert again == card
    assert again.usual_decoder == decoder_of(TARGETS[target].decoders[0], CellSize(400, 11.5))
    assert again.n_maps == {"classes": 2, "border": 3, "distance": 2}[target]
    assert again.gives_probabilities == (target != "distance")
    assert again.decoder_by(Decoding(name=TARGETS[target].decoders[-1])).name == TARGETS[target].decoders[-1]


NONSENSE = {
    "zoom negative": ({"zoom": [-1, 1]}, "zoom.0: input should be greater than"),
    "zoom zero": ({"zoom": [0, 0]}, "zoom.0"),
    "zoom huge": ({"zoom": [1, 1e9]}, "zoom.1: input should be less than"),
    "zoom infinite": ({"zoom": [float("inf"), 1]}, "zoom.0"),
    "zoom not a number": ({"zoom": [float("nan"), 1]}, "zoom.0"),
    "zoom of one": ({"zoom": [1]}, "zoom"),
    "zoom as text": ({"zoom": "0.5"}, "zoom: input should be a valid tuple"),
    "zoom true": ({"zoom": [True, True]}, "zoom.0"),
    "one class": ({"classes": ["cell"]}, "classes: tuple should have at least 2 items"),
    "a thousand classes": ({"classes": ["x"] * 1000}, "classes: tuple should have at most 255 items"),
    "classes as numbers": ({"classes": [0, 1]}, "classes.0: input should be a valid string"),
    "a class of a megabyte": ({"classes": ["background", "x" * 2**20]}, "classes.1: string should have at most"),
    "more names than maps": (
        {"classes": ["background", "cell", "debris"]},
        "3 classes have names, the network gives 2",
    ),
    "another rule": ({"decision_rule": "threshold"}, "decision_rule: input should be 'argmax'"),
    "another target": ({"target": "flows"}, "target: value error, no target 'flows'"),
    "a target of other maps": ({"target": "border"}, "3 maps belong to target border, the network gives 2"),
    "another decoder": ({"decoder": {"name": "flows"}}, "decoder: input tag 'flows' found using 'name'"),
    "a decoder of another target": (
        {"decoder": {"name": "border"}},
        "this model was trained with --target classes, whose cells are found by watershed or components",
    ),
    "a threshold of nothing": (
        {"target": "distance", "decoder": {"name": "distance", "seed": float("nan")}},
        "decoder.distance: value error, seed is nan, which is no size or threshold",
    ),
    "a threshold as text": (
        {"target": "distance", "decoder": {"name": "distance", "seed": "high"}},
        "decoder.distance.seed: input should be a valid number",
    ),
    "cells of no size": ({"cells": {"area_px": -1, "radius_px": 2}}, "cells: value error, area_px is -1"),
    "another normalization": ({"normalization": {"name": "minmax"}}, "normalization.name"),
    "no channels": ({"architecture": {"in_channels": 0}}, "architecture.in_channels"),
    "architecture as list": ({"architecture": []}, "architecture"),
    "pixel size zero": ({"pixel_size_um": [0, 0]}, "pixel_size_um.0"),
    "stride zero": ({"receptive_field": {"radius_px": 4, "stride_px": 0}}, "receptive_field.stride_px"),
    "radius huge": ({"receptive_field": {"radius_px": 10**9, "stride_px": 1}}, "receptive_field.radius_px"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_refused_in_one_line_that_names_the_key(case: str) -> None:
    change, said = NONSENSE[case]
    with pytest.raises(CellpruneError) as refusal:
        read_card(OLD | change, "some/model.safetensors")
    message = str(refusal.value)
    assert said in message
    assert message.startswith("some/model.safetensors cannot be used for predicting (")
    assert "\n" not in message
    assert len(message) < 600


@pytest.mark.parametrize("key", ["zoom", "classes"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(CellpruneError, match=f"{key}: field required"):
        read_card({k: v for k, v in OLD.items() if k != key}, "model")


@pytest.mark.parametrize("depth", [1, 3, 5])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_sizes_of_a_u_net_are_found_by_asking(depth: int, padding: str) -> None:
    network = build({"name": "unet", "width": 1, "depth": depth, "padding": padding})
    found = InputSizes.of(network.input_size)
    assert found is not None
    assert [found(n) for n in range(1, 3000)] == [network.input_size(n) for n in range(1, 3000)]
    assert found.stride_px == 2**depth


def test_sizes_with_a_smallest_one_are_found_and_lawless_ones_are_not() -> None:
    found = InputSizes.of(lambda n: 32 * -(-max(n, 64) // 32))
    assert found == InputSizes(stride_px=32, least_px=64)
    assert (found(1), found(64), found(65)) == (64, 64, 96)
    assert InputSizes.of(lambda n: 2 ** (n - 1).bit_length()) is None
    assert InputSizes.of(lambda n: 64) is None
