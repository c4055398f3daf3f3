"""Budgets of milliseconds, on a made-up machine whose times are known, and one measured shape."""

from fractions import Fraction
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cellprune.config.request import Request
from cellprune.errors import CellpruneError
from cellprune.models import build, resnet
from cellprune.pruning import by_channel
from cellprune.pruning.prune import fulfil, prune
from cellprune.pruning.ranking.blocks import in_blocks
from cellprune.pruning.ranking.latency import Latencies, LatencyTable
from cellprune.pruning.ranking.spending import within
from cellprune.pruning.ranking.whole_channels import best_of_layers
from cellprune.structure.layer_shapes import LayerShape, shapes_of_layers
from cellprune.structure.layers import weighted_layers
from cellprune.structure.shrink import shrink
from cellprune.structure.timing import milliseconds_of_layer
from cellprune.structure.trace import find


def made_up(shape: LayerShape) -> float:
    """Take 1 ms for a start, and time for each pair of channels."""
    return 1 + shape.inputs * shape.outputs / shape.groups / 100


def unet() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return build({"name": "unet", "widths": [16, 32, 64]}), torch.randn(1, 1, 16, 16)


def test_the_price_is_the_time_of_the_shrunk_networks_layers() -> None:
    model, inputs = unet()
    channels = find(model, inputs)
    blocks = in_blocks(channels, torch.rand(channels.count), 16)
    prices = Latencies.of(model, channels, inputs.shape[1:], LatencyTable(made_up)).together(blocks.of)
    kept = torch.ones(prices.count, dtype=torch.bool)
    kept[blocks.follows.nonzero().squeeze(1)[::2]] = False
    masks = channels.masks(kept[blocks.of], {name: p.shape for name, p in model.named_parameters()})
    small = shrink(model, masks, inputs)
    made = [shape for calls in shapes_of_layers(small, inputs.shape[1:]).values() for shape in calls]
    assert prices.total(kept) == pytest.approx(1e6 * sum(map(made_up, made)), rel=1e-9)
    each = prices.each(kept)
    for block in kept.nonzero().squeeze(1).tolist():
        without = kept.clone()
        without[block] = False
        assert each[block] == prices.total(kept) - prices.total(without) == prices.added(without, block)


def test_the_budget_holds_by_the_table_and_no_block_is_left_out_that_would_fit() -> None:
    model, inputs = unet()
    channels = find(model, inputs)
    scores = torch.rand(channels.count)
    blocks = in_blocks(channels, scores, 16)
    prices = Latencies.of(model, channels, inputs.shape[1:], LatencyTable(made_up)).together(blocks.of)
    stays = blocks.with_any(best_of_layers(channels, scores))
    kept, allowed, spent = within(prices, blocks.scores(scores), Fraction("0.5"), stays, follows=blocks.follows)
    assert prices.total(kept) == spent <= allowed
    for block in range(len(kept)):
        if not kept[block] and (not blocks.follows[block] or kept[block - 1]):
            assert spent + prices.added(kept, block) > allowed


def test_what_a_processor_computes_at_once_costs_the_same_and_the_rest_is_interpolated() -> None:
    asked: list[LayerShape] = []

    def noted(shape: LayerShape) -> float:
        asked.append(shape)
        return made_up(shape)

    table, whole = LatencyTable(noted), LayerShape.of(nn.Conv2d(100, 100, 3), torch.zeros(1, 100, 8, 8))
    assert table.nanoseconds(whole, 17, 16) == table.nanoseconds(whole, 32, 16)
    assert table.nanoseconds(whole, 3, 16) == table.nanoseconds(whole, 8, 16)
    assert table.nanoseconds(whole, 80, 16) == pytest.approx(1e6 * (1 + 80 * 16 / 100))  # between 64 and 96
    assert table.nanoseconds(whole, 100, 100) == 1e6 * (1 + 100)
    assert table.nanoseconds(whole, 0, 16) == 0
    assert {shape.inputs for shape in asked} == {8, 32, 64, 96, 100}
    n_measured = len(asked)
    assert LatencyTable(noted, dict(table.entries)).nanoseconds(whole, 32, 16) == table.nanoseconds(whole, 32, 16)
    assert len(asked) == n_measured, "what the table holds is not measured again"


def test_a_depthwise_convolution_has_as_many_groups_as_channels() -> None:
    model = nn.Sequential(nn.Conv2d(1, 24, 1), nn.Conv2d(24, 48, 3, groups=24), nn.Conv2d(48, 2, 1))
    inputs = torch.randn(1, 1, 8, 8)
    table = LatencyTable(made_up)
    prices = Latencies.of(model, find(model, inputs), (1, 8, 8), table)
    assert prices.total(torch.arange(prices.count) < 16) > 0
    assert any(key.startswith("Conv2d 16>32 groups=16") for key in table.entries)


LAYERS = [
    nn.Conv2d(40, 100, 3), nn.Conv2d(7, 2, 1), nn.ConvTranspose2d(130, 65, 2), nn.Linear(20, 1030),
    nn.Conv2d(40, 40, 3, groups=40), nn.Conv2d(20, 60, 3, groups=20), nn.Conv2d(24, 48, 3, groups=4),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_what_a_table_can_be_asked_is_known_before(layer: nn.Module) -> None:
    first = nn.Linear if isinstance(layer, nn.Linear) else partial(nn.Conv2d, kernel_size=1)
    outputs, inputs = (getattr(layer, f"{way}_{kind}") for way in ("out", "in")
                       for kind in ("channels", "features") if hasattr(layer, f"{way}_{kind}"))  # fmt: skip
    model = nn.Sequential(first(3, inputs), layer, first(outputs, 2))
    sample = (3,) if isinstance(layer, nn.Linear) else (3, 8, 8)
    channels = find(model, torch.randn(1, *sample))
    filled = LatencyTable(made_up)
    shapes = Latencies.of(model, channels, sample, filled).shapes()
    filled.entries.update({key: made_up(shape) for key, shape in shapes.items()})
    known = len(filled.entries)
    whole = LayerShape.of(layer, torch.zeros(1, inputs, *sample[1:]))
    for n_in in range(1, inputs + 1):
        for n_out in {n_in * outputs // inputs, 1 + n_in * (outputs - 1) // inputs, outputs}:
            filled.nanoseconds(whole, n_in, n_out)
    assert len(filled.entries) == known > 1, "nothing had to be measured"


def refuse(shape: LayerShape) -> float:
    raise AssertionError(f"{shape.key} is in no table")


def test_the_same_table_gives_the_same_masks_and_tells_their_time() -> None:
    model, inputs = unet()
    asked = Latencies.of(model, find(model, inputs), (1, 16, 16), LatencyTable(refuse)).shapes()
    entries = {key: made_up(shape) for key, shape in asked.items()}
    request = Request(method="magnitude", budget={"latency": 0.5}, granularity="channel")
    chosen = [fulfil(model, request, batches=[(inputs, inputs)], table=LatencyTable(refuse, dict(entries)))
              for _ in range(2)]  # fmt: skip
    assert all(torch.equal(chosen[0][name], chosen[1][name]) for name in chosen[0])
    table, whole, small = LatencyTable(refuse, entries), weighted_layers(model), shrink(model, chosen[0], inputs)
    shapes, left = (shapes_of_layers(network, (1, 16, 16)) for network in (model, small))
    dense = table.of_masks(whole, shapes, {})
    assert 0.4 * dense < table.of_masks(whole, shapes, chosen[0]) == table.of_small(shapes, left) <= 0.5 * dense


def unheard(*_: object) -> torch.Tensor:
    raise AssertionError("nothing is scored")


@pytest.mark.parametrize(
    ("kept", "more"), [(0.01, ""), (0.2, ", or choose blocks of 8 channels by --round-to 8 .* which need 0.14")]
)
def test_a_budget_below_the_smallest_network_is_refused_before_the_scoring_and_says_its_milliseconds(
    kept: float, more: str
) -> None:
    model, inputs = unet()
    request = Request(method="snip", budget={"latency": kept}, granularity="channel")
    said = rf"needs 0\.\d+ of the dense network \(\d+\.?\d* of \d+\.?\d* ms\): give a budget above .*{more}"
    with pytest.raises(CellpruneError, match=said):
        fulfil(model, request, batches=[(inputs, inputs)], loss=unheard, table=LatencyTable(made_up))


def test_it_is_measured_where_no_table_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = list[LayerShape]()

    def measure(shape: LayerShape, device: torch.device) -> float:
        measured.append(shape)
        assert milliseconds_of_layer(shape, device) > 0
        return made_up(shape)  # so small a network takes as long as a smaller one, beside other work

    monkeypatch.setattr(by_channel, "milliseconds_of_layer", measure)
    torch.manual_seed(0)
    model = resnet.build(width=16, classes=3)
    data = [(torch.randn(6, 3, 8, 8), torch.arange(6) % 3)]
    masks = prune(model, method="3sp", budget={"latency": 0.9}, cost="latency", batches=data, loss=F.cross_entropy)
    assert not all(mask.all() for mask in masks.values())
    assert measured
    with pytest.raises(CellpruneError, match=r"budget=\{'latency': 0.9\} counts channels: add granularity='channel'"):
        prune(model, method="snip", budget={"latency": 0.9}, batches=data, loss=F.cross_entropy)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 5, 3, stride=2), nn.ConvTranspose2d(3, 5, 2, stride=2), nn.Linear(3, 5)]
)
def test_a_shape_is_built_as_its_layer_is_and_takes_time(layer: nn.Module) -> None:
    inputs = torch.zeros(1, 3, 9, 9) if not isinstance(layer, nn.Linear) else torch.zeros(1, 3)
    shape = LayerShape.of(layer, inputs)
    state = torch.get_rng_state()
    built, its_inputs = shape.build(torch.device("cpu"))
    assert torch.equal(state, torch.get_rng_state())
    assert built(its_inputs).shape == layer(inputs).shape
    assert milliseconds_of_layer(shape, torch.device("cpu")) > 0
