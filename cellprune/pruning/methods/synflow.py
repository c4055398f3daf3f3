"""SynFlow: keep the weights that carry the most flow from input to output, without looking at any data.

Every weight is replaced by its absolute value, the input by ones, and R is the sum of the outputs of the network made
linear (`linear.py`). A weight's share of R is |w| dR/d|w|; what a layer's weights carry adds up to R, layer by layer.
The least are removed in many small rounds, each scored anew, so that no layer runs dry. Channels are ranked by the flow
that passes them, in as many rounds.

Source: Tanaka, Kunin, Yamins, Ganguli, NeurIPS 2020 (arXiv:2006.05467), equation 4 and algorithm 1.
Note: the public code computes in float32, where deep networks overflow, takes the absolute value of biases and running
    means too, which breaks the law above, and has one round by default. It cuts at a threshold, so that ties remove
    more, and its SNIP and GraSP can bring removed weights back when run in several rounds. We follow the paper, in
    float64, with its hundred rounds; counts are exact, and nothing comes back.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.derivatives.linear import Linear, is_additive
from cellprune.pruning.derivatives.linearity import bending
from cellprune.pruning.derivatives.stood_in_for import played_once, refuse_bypassed
from cellprune.pruning.kinds import Batch, Loss, Nested
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.schedule import in_rounds
from cellprune.pruning.ranking.units import Named, gated, given
from cellprune.structure.channels import Channels
from cellprune.structure.computed import computed_weights
from cellprune.structure.modes import evaluating
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import standing_in

_OTHER_TYPE = re.compile(r"dtype|scalar type|type .* should be the same")


def sensitivity(
    model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch], loss: Loss | None, *, seed: int
) -> dict[str, Tensor]:
    """Absolute weight times dR / d|weight| at the masked network, for every parameter.

    Args:
        model: network at initialization; it is left as it was.
        masks: parameter name -> bool, the weights still alive.
        batches: the first says what an input looks like; its values are not used.
        loss: not used.
        seed: not used.
    Returns:
        Parameter name -> float64, at least 0, shape of the parameter; zeros for biases.
    Raises:
        CellpruneError: the network is not linear; the message names the module.
        WorkError: R is too large even for float64.
    """
    home = next(model.parameters()).device
    device = torch.device("cpu") if home.type == "mps" else home  # which has no float64
    flowing = {name: p.detach().to(device, torch.float64).abs() for name, p in model.named_parameters()}
    flowing = {name: torch.zeros_like(p) if is_additive(name) else p for name, p in flowing.items()}
    for name, mask in masks.items():
        flowing[name].masked_fill_(~mask.to(device), 0.0)
    buffers = {name: b.to(device, torch.float64 if b.is_floating_point() else b.dtype).clone()
               for name, b in model.named_buffers()}  # fmt: skip
    leaves = [p.requires_grad_() for p in flowing.values()]
    ones = map_tensors(lambda t: _one(t).to(device), batches[0][0])
    own = dict(model.named_parameters())
    with _in_float64(model), untouched(model), Linear(), standing_in(model, flowing | buffers), evaluating(model):
        if all(mask.all() for mask in masks.values()):  # the first round; no other is less linear
            _refuse_what_bends(model, ones)
        outputs = [t for t in tensors_of(model(ones)) if t.requires_grad]
        total: Any = sum((t.sum() for t in outputs), torch.zeros((), dtype=torch.float64, requires_grad=True))
        refuse_bypassed(own, total)
        if not total.isfinite():
            raise WorkError(
                "synflow's flow is too large even for float64: the network is too deep, drawn too large, or multiplies "
                "its maps by each other (gates, attention); take another method, or a smaller initialization"
            )
        gradients = torch.autograd.grad(total, leaves, materialize_grads=True)
    return {name: (p.detach() * g).to(home if device == home else device)
            for (name, p), g in zip(flowing.items(), gradients, strict=True)}  # fmt: skip


@contextmanager
def _in_float64(model: nn.Module) -> Iterator[None]:
    """Refuse a network that meets our numbers with others: it casts, or keeps weights where nothing stands in for them.

    Raises:
        CellpruneError: with torch's own words.
    """
    try:
        with played_once(graph=False):
            yield
    except RuntimeError as error:
        if not _OTHER_TYPE.search(str(error)):
            raise
        raise CellpruneError(
            f"synflow computes in float64, but {type(model).__name__} casts its maps, or keeps weights outside its "
            f"modules ({str(error).splitlines()[0][:120]}): take another method"
        ) from error


def _refuse_what_bends(model: nn.Module, ones: Nested) -> None:
    """Refuse a network whose flow is not linear in its input, or does not grow with each weight."""
    for name, computed in computed_weights(model).items():
        if not computed.scales:
            raise CellpruneError(
                f"synflow needs weights that carry flow as they grow, but {name!r} computes its weight by a norm, or "
                f"otherwise: take another method, or put a plain weight in its place before pruning"
            )
    if where := bending(model, ones):
        raise CellpruneError(
            f"synflow needs a network that is linear without its activations and norms, but {where} multiplies maps by "
            f"each other (a gate, attention), or bends them by a function that is not known: take another method"
        )


def _one(inputs: Tensor) -> Tensor:
    """Give one sample of ones, or of zeros where whole numbers choose from a table."""
    value = torch.ones if inputs.is_floating_point() else torch.zeros
    dtype = torch.float64 if inputs.is_floating_point() else inputs.dtype
    return value((1, *inputs.shape[1:]), dtype=dtype)


def carried(channels: Channels, flow: Named) -> Tensor:
    """Rank channels by the flow that they carry, summed over the layers that make them; every gate sees the same flow.

    Returns:
        (channels.count,) float64.
    """
    return gated(channels, flow)


METHOD = Method(
    sensitivity=sensitivity,
    unit=given,
    channel=carried,
    needs_batches=lambda options: 1,
    data_free=True,
    schedule=partial(in_rounds, rounds=100),
)
