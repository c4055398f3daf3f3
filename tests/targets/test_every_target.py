"""What holds of every target: turned cells are turned maps, odd cells come back, and many cells take seconds."""

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from drawn_discs import touching_discs
from numpy.typing import NDArray

from cellprune.config.names import TARGETS, resolve
from cellprune.evaluation.cells import count, summary
from cellprune.targets.decoders import CellSize, decoder_of
from cellprune.targets.kinds import UNKNOWN, Labels
from cellprune.targets.neighbours import sizes, usual
from cellprune.targets.target import Target

DECODERS = [(target, decoder) for target, row in TARGETS.items() for decoder in row.decoders]
TURNS: list[Callable[[NDArray], NDArray]] = [np.fliplr, np.flipud, np.rot90, np.transpose]


def surely(target: str, labels: Labels) -> NDArray[np.float32]:
    """The maps of a network that makes no mistake."""
    encoded = resolve("target", target).encode(labels, 2, 1.0)
    if target == "distance":
        return encoded
    n_maps = len(TARGETS[target].maps) or 2
    return np.stack([encoded == value for value in range(n_maps)]).astype(np.float32)


@pytest.mark.parametrize("target", TARGETS)
def test_turned_or_numbered_anew_cells_are_learned_alike(target: str) -> None:
    kind: Target = resolve("target", target)
    labels = touching_discs(5, side=96, n=9, radii=(3, 12))
    labels[60:70, 20:50] = UNKNOWN
    expected = kind.encode(labels, 2, 2.0)
    numbers = np.array([0, *np.random.default_rng(0).permutation(500)[: labels.max()] + 1, UNKNOWN], np.int32)
    assert np.array_equal(kind.encode(numbers[labels], 2, 2.0), expected, equal_nan=target == "distance")
    for turn in TURNS:
        turned = np.stack([turn(each) for each in expected]) if expected.ndim == 3 else turn(expected)
        ours = kind.encode(np.ascontiguousarray(turn(labels)), 2, 2.0)
        assert np.allclose(ours, turned, atol=1e-6, equal_nan=True)


def disc(y: float, x: float, radius: float, *, inner: float = 0) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:80, :100]
    away = np.hypot(rows - y, columns - x)
    return (away < radius) & (away >= inner)


def drawn(*cells: NDArray[np.bool_]) -> Labels:
    labels = np.zeros((80, 100), np.int32)
    for number, cell in enumerate(cells, start=1):
        labels[cell] = number
    return labels


ODD = {
    "none": drawn(),
    "one": drawn(disc(30, 40, 9)),
    "one that fills the image": drawn(disc(0, 0, 1000)),
    "over every border": drawn(disc(0, 0, 12), disc(2, 50, 9), disc(79, 99, 15), disc(40, 99, 8), disc(79, 30, 10)),
    "a ring around a disc": drawn(disc(40, 50, 30, inner=18), disc(40, 50, 12)),
    "rings that touch": drawn(disc(40, 30, 20, inner=10), disc(40, 69, 20, inner=10)),
    "of one pixel": drawn(disc(5, 5, 0.5), disc(20, 50, 0.5), disc(79, 99, 0.5)),
}


@pytest.mark.parametrize(("target", "decoder"), DECODERS)
@pytest.mark.parametrize("case", ODD)
def test_odd_cells_come_back(target: str, decoder: str, case: str) -> None:
    truth = ODD[case]
    kind: Target = resolve("target", target)
    how = decoder_of(decoder, usual(sizes(truth)) or CellSize(250, 9))
    found = kind.decode(surely(target, truth), truth.shape, how).labels
    n_true = int(truth.max())
    if (decoder, case) == ("distance", "of one pixel"):  # a seed has at least four
        n_true = 0
    if (target, case) == ("classes", "rings that touch"):  # no neck is between them
        n_true = 1
    assert found.max() == n_true
    if n_true == truth.max() > 0:
        assert summary([count(truth, found)])["seg"] > 0.85


@pytest.mark.slow
@pytest.mark.parametrize(("target", "decoder"), DECODERS)
def test_70_000_cells_take_seconds(target: str, decoder: str) -> None:
    block, (rows, columns) = np.zeros((53 * 5, 53 * 5), np.int32), np.mgrid[:53, :53]
    for dy, dx in np.ndindex(3, 3):
        block[dy::5, dx::5] = 1 + rows * 53 + columns
    maps, kind = np.tile(surely(target, block), (1, 5, 5)), resolve("target", target)
    began = process_time()
    found = kind.decode(maps, maps.shape[1:], decoder_of(decoder, CellSize(9, 2))).labels
    assert found.max() == 265**2 > 70_000
    assert found.dtype == np.uint32
    assert count(found, found).matched[2] == 265**2
    assert process_time() - began < 20
