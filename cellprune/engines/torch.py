"""torch's engine: a network as a callable on numpy arrays, with what tiling and preparing need to know of it.

What an engine is, for whatever runs the network, stands in `cellprune.lab.engine`.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cellprune import models
from cellprune.engines.folded import folded
from cellprune.errors import CellpruneError, WorkError
from cellprune.lab.engine import Floats, Precision, Running
from cellprune.machine.device import choose
from cellprune.models.loaded import header_of
from cellprune.models.network import is_mirroring
from cellprune.models.receptive import receptive_field
from cellprune.runs.modelcard import InputSizes, ModelCard, ReceptiveField, read_card
from cellprune.structure.cost import multiply_adds
from cellprune.structure.standing_in import copies, looking, require_values

_PROBE_PX = 128  # side of the image on which a network's memory is measured
# oneDNN reorders what a convolution reads and writes; measured over the live tensors: see benchmarks/predicting.py
_WORKSPACE = 1.5


def engine(
    model: "nn.Module | str | Path",
    *,
    device: str = "auto",
    precision: Precision = "fp32",
    network: str | None = None,
) -> "TorchEngine":
    """Make an engine of a network.

    Args:
        model: a run folder, a model file, what `cellprune.load` gives, or any other network that gives one logit map
            a class, of the image's size. Of the last nothing is known but its channels: it takes images as they are.
            A network in memory is left as it was, and the engine keeps the weights that it has now.
        device: "auto", "cpu", "cuda" or "mps".
        precision: "fp32".
        network: FILE.py:NAME of a file of a network of the user's own; see `models.loaded.load`.
    Raises:
        CellpruneError: no such file, or one that cannot be used; no such device or precision; a network without values
            yet, or one that does not give such maps.
    """
    if precision != "fp32":
        raise CellpruneError(
            f"--precision {precision}: torch predicts in float32 alone: make an ONNX file with 'cellprune export'"
        )
    place = torch.device(choose(device))
    usable, weights = _usable(model, place, network)
    header = header_of(usable)
    with _running(usable, weights):
        card = _guessed(usable) if header is None else read_card(header, model)
    if weights is None and place.type == "cpu":
        usable = folded(usable, card.in_channels)
    return TorchEngine(usable, card, place, weights)


def facts(network: nn.Module, in_channels: int) -> dict[str, object]:
    """Measure what a card says of a network itself: how far it looks, what it takes; keys as `ModelCard`."""
    field = receptive_field(network, in_channels)
    with looking(network):
        live = _live_bytes(network, in_channels)
    sizes = InputSizes.of(network.input_size) if is_mirroring(network) else None
    return {
        "receptive_field": None if field is None else field.model_dump(),
        "bytes_per_pixel": _WORKSPACE * live / _PROBE_PX**2,
        "input_sizes": None if sizes is None else sizes.model_dump(),
        **size(network, in_channels),
    }


def grid_px(field: ReceptiveField | None) -> int:
    """Give what the sizes are multiples of that a network is brought which does not say which it takes."""
    return field.stride_px if field else _PROBE_PX // 2


def size(network: nn.Module, in_channels: int) -> dict[str, int | float]:
    """Count what a card says of a network's size; keys as `ModelCard`."""
    macs = multiply_adds(network, (in_channels, _PROBE_PX, _PROBE_PX))
    return {"parameters": sum(p.numel() for p in network.parameters()), "macs_per_pixel": macs / _PROBE_PX**2}


class TorchEngine:
    """A network in evaluation mode on its device, float32 with TF32 off; see `cellprune.lab.engine.Engine`."""

    def __init__(
        self, network: nn.Module, card: ModelCard, device: torch.device, weights: Mapping[str, Tensor] | None = None
    ) -> None:
        """Wrap a network.

        Args:
            network: the network, ready on the device where no weights are given.
            card: what is known of it.
            device: where it runs.
            weights: stand in for what the network has, which others use, too: parameters and buffers by name.
        """
        self._network, self._device, self._weights = network, device, weights
        self.card = card
        self._known_field: list[ReceptiveField | None] = [card.receptive_field] if card.receptive_field else []
        self._bytes_per_pixel = card.bytes_per_pixel or 0.0
        self.running = Running("torch", "fp32", device.type, torch.get_num_threads(), {"torch": torch.__version__})
        self._mirrors_itself = is_mirroring(network)
        self.input_size: Callable[[int], int] = network.input_size if is_mirroring(network) else self._fitting

    def __call__(self, images: Floats) -> Floats:
        """Give the maps, (N, maps, H, W) float32, of images (N, C, H, W) float32.

        Raises:
            WorkError: the memory does not suffice.
        """
        exact = torch.backends.cudnn.flags(allow_tf32=False)
        try:
            with _running(self._network, self._weights), torch.inference_mode(), exact:
                padded, inside = (images, ...) if self._mirrors_itself else self._mirrored(images)
                logits: Tensor = self._network(torch.from_numpy(np.ascontiguousarray(padded)).to(self._device))
                maps = logits[inside].float()
                return (maps.softmax(1) if self.card.gives_probabilities else maps).cpu().contiguous().numpy()
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            raise WorkError(
                f"the memory of {self._device} is not enough for {images.shape[-2]} x {images.shape[-1]} px at once"
            ) from error

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The model file's, else measured at the first use; None where it has no bound."""
        if not self._known_field:
            with _running(self._network, self._weights):
                self._known_field.append(receptive_field(self._network, self.card.in_channels))
        return self._known_field[0]

    @property
    def bytes_per_pixel(self) -> float:
        """Working memory for a pixel of the input: the model file's, else measured at the first use."""
        if not self._bytes_per_pixel:
            with _running(self._network, self._weights):
                live = _live_bytes(self._network, self.card.in_channels)
            self._bytes_per_pixel = _WORKSPACE * live / _PROBE_PX**2
        return self._bytes_per_pixel

    def _fitting(self, size: int) -> int:
        """For a network that does not say which sizes it takes: the next on its grid."""
        stride = grid_px(self.receptive_field)
        return -(-size // stride) * stride

    def _mirrored(self, images: Floats) -> tuple[Floats, Any]:
        paddings, inside = [(0, 0), (0, 0)], [slice(None), slice(None)]
        for have in images.shape[2:]:
            missing = self._fitting(have) - have
            paddings.append((missing // 2, missing - missing // 2))
            inside.append(slice(missing // 2, missing // 2 + have))
        return np.pad(images, paddings, mode="reflect"), tuple(inside)


def _usable(
    model: "nn.Module | str | Path", device: torch.device, network: str | None
) -> tuple[nn.Module, dict[str, Tensor] | None]:
    """Give a network that is ready, or one that is left as it is and the weights to run it on."""
    if not isinstance(model, nn.Module):
        return models.load(model, network).to(device), None
    require_values(model)  # that is, before anything is moved
    return model, copies(model, device=device, dtype=torch.float32)


def _running(network: nn.Module, weights: Mapping[str, Tensor] | None) -> AbstractContextManager[None]:
    return nullcontext() if weights is None else looking(network, weights)


def _guessed(network: nn.Module) -> ModelCard:
    """What a bare network tells of itself: its first convolution's channels, and how many maps come out."""
    first = next((m for m in network.modules() if isinstance(m, nn.modules.conv._ConvNd)), None)
    if first is None:
        raise CellpruneError("the network has no convolution to tell its channels: give what cellprune.load returns")
    probe = torch.zeros(1, first.in_channels, _PROBE_PX, _PROBE_PX, device=first.weight.device)
    try:
        with torch.no_grad():
            output: Any = network(probe)
    except Exception as error:  # it is the caller's own, and may fail in any way
        reason = str(error).partition("\n")[0][:120]
        raise CellpruneError(
            f"the network does not take a float32 image of shape {tuple(probe.shape)} alone "
            f"({type(error).__name__}: {reason}): give one that does"
        ) from error
    if not isinstance(output, Tensor) or output.ndim != 4 or output.shape[1] < 2 or output.shape[2:] != probe.shape[2:]:
        raise CellpruneError("the network must give one logit map a class, at least two, of the image's size")
    return ModelCard.model_validate(
        {
            "architecture": {"in_channels": first.in_channels},
            "classes": ["background", "cell"]
            if output.shape[1] == 2
            else [f"class{k}" for k in range(output.shape[1])],
            "zoom": (1.0, 1.0),
        }
    )


def _live_bytes(network: nn.Module, in_channels: int) -> int:
    """Give the most bytes of intermediate tensors that are alive at once, for an image of some `_PROBE_PX`."""
    parameter = next(network.parameters(), torch.empty(0))
    fitting = network.input_size if is_mirroring(network) else None
    # a network without padding of its own takes more than it gives; what counts is what it takes
    side = next(n for n in range(_PROBE_PX, 0, -1) if n == 1 or not fitting or fitting(n) <= 2 * _PROBE_PX)
    taken = fitting(side) if fitting else side
    image = torch.zeros(1, in_channels, side, side, device=parameter.device)
    with torch.no_grad(), _uncompiled(), _LiveBytes() as live:
        network(image)
    return round(live.most * (_PROBE_PX / taken) ** 2)


def _uncompiled() -> AbstractContextManager[object]:
    """Run compiled networks as they were before: their compiler would compile what looks on, too."""
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


class _LiveBytes(TorchDispatchMode):
    """Follows the storages that operations make until the last tensor on them is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._seen: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch loads its compiler, for more than a second, to tell it to stay away

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._note(tensor.untyped_storage())
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self._seen:
            return
        self._seen.add(storage._cdata)
        self.now += storage.nbytes()
        self.most = max(self.most, self.now)
        finalize(storage, self._forget, storage._cdata, storage.nbytes())

    def _forget(self, key: int, n_bytes: int) -> None:
        self._seen.discard(key)
        self.now -= n_bytes
