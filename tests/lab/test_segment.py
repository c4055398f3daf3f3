"""One image to labels: the same sums as the run's own scores, and refusals that name what is wrong."""

import numpy as np
import pytest
import torch
from drawn_discs import touching_discs
from lab_engines import Bright, spots
from numpy.typing import NDArray

import cellprune
from cellprune.config.names import TARGETS, resolve
from cellprune.engines.torch import engine
from cellprune.errors import CellpruneError
from cellprune.images.network_input import network_size, seen
from cellprune.images.read import ImageError
from cellprune.lab.segment import cells_in, class_map, predict
from cellprune.models import build
from cellprune.runs.modelcard import ModelCard, ReceptiveField
from cellprune.targets.decoders import Components, decoder_of
from cellprune.targets.neighbours import sizes, usual


def test_the_image_is_zoomed_by_the_factors_of_training_on_each_axis() -> None:
    engine = Bright(zoom=(0.5, 2.0))
    assert class_map(engine, spots((40, 50))[None].astype(np.float32)).shape == (40, 50)
    assert engine.seen == [(1, 1, 20, 100)]


def test_the_images_statistics_are_the_whole_images_also_in_tiles() -> None:
    image = spots((200, 300), [(3, 3, 20, 20), (150, 250, 30, 30)])[None].astype(np.float32)
    whole = class_map(Bright(), image)
    engine = Bright()
    tiled = class_map(engine, image, memory_bytes=3000)
    assert len(engine.seen) > 4
    assert np.array_equal(tiled, whole)


def test_predict_numbers_the_cells(bright: Bright) -> None:
    labels = predict(bright, spots())
    assert labels.dtype == np.int32
    assert sorted(np.unique(labels)) == [0, 1, 2]
    assert (labels > 0).sum() == 10 * 12 + 9 * 9
    assert cellprune.predict is predict


def test_predict_takes_any_torch_network() -> None:
    torch.manual_seed(0)
    network = build({"name": "unet", "width": 2, "depth": 1, "in_channels": 3})
    assert predict(network, np.random.default_rng(0).random((3, 33, 21))).shape == (33, 21)


def test_predict_takes_channels_first_or_last(bright: Bright) -> None:
    colour = np.random.default_rng(0).random((3, 33, 21))
    model = Bright(channels=3)
    assert np.array_equal(predict(model, np.moveaxis(colour, 0, 2)), predict(model, colour))
    assert np.array_equal(predict(bright, spots()[:, :, None]), predict(bright, spots()))
    with pytest.raises(ImageError, match="the image has 3 channels, but the model takes 1: convert it to grey"):
        predict(bright, np.moveaxis(colour, 0, 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_predict_runs_networks_of_any_precision_in_float32(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    network = build({"name": "unet", "width": 2, "depth": 1}).to(dtype)
    image = np.random.default_rng(0).random((33, 21))
    labels = predict(network, image)
    assert next(network.parameters()).dtype == dtype
    assert np.array_equal(labels, predict(network.float(), image))


def test_predict_between_two_epochs_leaves_training_as_it_is() -> None:
    torch.manual_seed(0)
    network = build({"name": "unet", "width": 2, "depth": 1})
    network.down[0].eval()
    predict(network, np.random.default_rng(0).random((33, 21)))
    assert {name for name, module in network.named_modules() if not module.training} == {
        name for name, _ in network.named_modules() if name.startswith("down.0")
    }
    network(torch.randn(2, 1, 16, 16))
    assert int(network.down[1][1].num_batches_tracked) == 1, "batch statistics still move"


def test_a_network_that_takes_no_single_image_is_refused_in_one_line() -> None:
    class Pair(torch.nn.Conv2d):
        def forward(self, image, other):
            return super().forward(image)

    with pytest.raises(CellpruneError, match=r"float32 image of shape \(1, 3, 128, 128\) alone \(TypeError: .*missing"):
        engine(Pair(3, 2, 1))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((2, 9, 9)) + np.arange(9), "has 2 channels, but the model takes 1: save the one channel to use"),
        (np.zeros((3, 9, 9)) + np.arange(9), "has 3 channels, but the model takes 1: convert it to grey"),
        (np.full((9, 9), np.nan), "has NaN or infinite pixels: repair it"),
        (np.ones((9, 9))[:0], r"shape \(0, 9\) has no pixels"),
        (np.eye(9) + 0j, "holds complex128 values, which are not grey levels"),
        (np.eye(9) > 0, "holds bool values, which are not grey levels"),
        ("cells/a.tif", "'cells/a.tif' is a path, not an image: give its pixels"),
        (np.ones(9), r"shape \(9,\): give \(H, W\), or \(C, H, W\)"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused(image: np.ndarray | str, said: str, bright: Bright) -> None:
    with pytest.raises(ImageError, match=said):
        predict(bright, image)


def test_a_blank_image_has_no_cells_and_a_warning(bright: Bright) -> None:
    with pytest.warns(UserWarning, match="the image is blank, every pixel is the same: it gets no cells"):
        labels = predict(bright, np.full((9, 7), 3))
    assert (labels.shape, labels.dtype, labels.any()) == ((9, 7), np.int32, False)


def test_a_zoom_that_asks_for_too_much_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(ImageError, match="zoomed by 100 x 100 give more than"):
        network_size((4000, 4000), (100, 100))
    assert network_size((3, 3), (0.01, 0.01)) == (1, 1)


def test_a_network_that_gives_no_maps_is_refused() -> None:
    with pytest.raises(CellpruneError, match="one logit map a class"):
        engine(torch.nn.Conv2d(1, 1, 3, padding=1))
    with pytest.raises(CellpruneError, match="no convolution"):
        engine(torch.nn.ReLU())


def test_a_network_that_does_not_mirror_is_given_sizes_that_it_takes() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.AvgPool2d(4), torch.nn.Upsample(scale_factor=4)
    )
    wrapped = engine(network, device="cpu")
    assert wrapped.input_size(30) == 32
    assert wrapped(np.zeros((1, 1, 30, 41), np.float32)).shape == (1, 2, 30, 41)


def test_a_device_that_is_not_there_is_named() -> None:
    if torch.backends.mps.is_available():
        pytest.skip("this machine has it")
    with pytest.raises(CellpruneError, match="--device mps: torch finds no such device here"):
        engine(build({"name": "unet", "width": 2, "depth": 1}), device="mps")


class Known:
    """An engine that was told the maps of an image; it knows a tile's place by channels of rows and columns."""

    def __init__(self, target: str, maps: NDArray[np.float32], zoom: float) -> None:
        card = {"architecture": {"in_channels": 2}, "classes": ["background", "cell"], "zoom": (zoom, zoom)}
        self.card = ModelCard.model_validate(card | {"target": target})
        self.input_size, self.bytes_per_pixel = int, 1.0
        self.receptive_field = ReceptiveField(radius_px=4, stride_px=4)
        height, width = (round(side / zoom) for side in maps.shape[1:])
        self.image = np.stack(np.mgrid[:height, :width]).astype(np.float32)
        self._maps, self._whole = maps, seen(self.image, self.card)
        self.tiles: list[tuple[slice, slice]] = []

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = np.searchsorted(self._whole[0, :, 0], images[0, 0, :, 0])
        columns = np.searchsorted(self._whole[1, 0], images[0, 1, 0])
        self.tiles.append((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
        return self._maps[None, :, rows[:, None], columns]


@pytest.mark.parametrize("zoom", [1.0, 0.5])
@pytest.mark.parametrize("decoder", ["components", "watershed", "border", "distance"])
def test_every_decoder_gives_the_same_cells_in_tiles_as_whole(decoder: str, zoom: float) -> None:
    """Many cells lie across the seams, in no tile whole, and so do the borders between them."""
    pitch = round(1 / zoom)
    truth = touching_discs(4, side=160 * pitch, n=24, radii=(7 * pitch, 14 * pitch))
    target = decoder if decoder in TARGETS else "classes"
    encoded = resolve("target", target).encode(truth, 2, float(pitch))[..., ::pitch, ::pitch]
    maps = encoded if target == "distance" else np.stack([encoded == k for k in range(encoded.max() + 1)])
    how = decoder_of(decoder, usual(sizes(truth)))
    whole, tiled = (Known(target, maps.astype(np.float32), zoom) for _ in range(2))
    expected = cells_in(whole, whole.image, decoder=how)
    cells = cells_in(tiled, tiled.image, decoder=how, memory_bytes=1500)
    assert (len(whole.tiles), len(tiled.tiles)) == (1, 30)
    areas, learned = np.bincount(truth[::pitch, ::pitch].ravel()), truth[::pitch, ::pitch]
    in_one = {
        cell for at in tiled.tiles for cell in np.flatnonzero(np.bincount(learned[at].ravel(), minlength=25) == areas)
    }
    assert len(in_one) < 18, "six cells at least are in no tile whole"
    assert np.array_equal(cells.labels, expected.labels)
    assert np.array_equal(cells.class_of, expected.class_of)
    if decoder != "components":
        assert cells.labels.max() == truth.max()


def test_the_decoder_s_sizes_go_with_the_zoom_and_a_given_one_is_the_image_s() -> None:
    engine, image = Bright(), spots()[None].astype(np.float32)  # cells of 120 and 81 px
    kept = Components(min_area_px=100)
    assert cells_in(engine, image, decoder=kept).labels.max() == 1
    assert cells_in(engine, image, decoder=kept, zoom=(2.0, 1.0)).labels.max() == 2, "of pixels twice as large, 50"
    assert cells_in(engine, image, decoder=kept, zoom=(2.0, 1.0), min_area_px=100).labels.max() == 1
