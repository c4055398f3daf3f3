"""A trained network from its file, with the header that says how its images are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cellprune.config.own import is_own
from cellprune.errors import CellpruneError
from cellprune.models.architecture import Architecture
from cellprune.models.own import Maker, OwnNetwork, code_for
from cellprune.runs import modelfile, onnxfile
from cellprune.runs.finished import finished
from cellprune.runs.folder import FILES
from cellprune.wording import quoted, reason

Header = Mapping[str, object]
"""What a model file says beside its weights, as JSON values; see `runs.modelcard` for what predicting asks of it."""


@dataclass(frozen=True)
class Loaded:
    """A trained network in evaluation mode, on the CPU, and the header of its file."""

    network: nn.Module
    header: Header
    architecture: Architecture


def load(path: str | Path, network: str | Maker | None = None) -> nn.Module:
    """Load a trained network, ready to use: on the CPU, in evaluation mode.

    Args:
        path: a run folder or a model file.
        network: of a network of your own its function `(in_channels, classes)`, or FILE.py:NAME. A model file never
            makes code run, so it is asked for. The content of FILE.py must be what the network was trained with.
    Raises:
        CellpruneError: no such file, damaged, of a newer format, of an unknown network, or of one of your own that
            `network` does not name.
    Note:
        the file's header goes along as the attribute `header`, for whoever prepares images as in training.
    Example:
        >>> network = load("runs/cells")  # the folder of a finished run
        >>> with torch.no_grad():
        ...     logits = network(torch.zeros(1, 1, 48, 64))
        >>> logits.shape  # one map for the background, one for cells
        torch.Size([1, 2, 48, 64])
    """
    loaded = read(Path(path), network)
    loaded.network.__dict__["header"] = loaded.header
    return loaded.network


def read(path: Path, network: str | Maker | None = None, *, needs_it: bool = True) -> Loaded:
    """Read a run folder's model file, or a model file.

    Args:
        path: the folder or the file.
        network: the code that a person named, see `load`.
        needs_it: whether a file that has no use for it is refused.
    Raises:
        CellpruneError: no such file, no finished run, damaged, of a newer format, of an unknown network, or of one of
            the user's own that was not named.
    """
    if onnxfile.is_named_so(path):
        raise CellpruneError(
            f"{path} is an ONNX file, which holds no torch network: predict with it, by 'cellprune predict' or "
            "cellprune.predict"
        )
    file = path / FILES["model"] if path.is_dir() else path
    if path.is_dir() and not file.exists():
        finished(path)
    header, weights, _ = modelfile.read(file)
    code = _code_for(file, header, network, needs_it=needs_it)
    try:
        architecture = Architecture.read(header["architecture"], code)
        built = architecture.shapes()  # a header may claim any width, the weights are what is there
        _require_same(built.state_dict(), weights)
        built.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, assign=True)
    except (CellpruneError, AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise CellpruneError(
            f"{file} describes no network that can be built ({reason(error)}): make it again"
        ) from error
    return Loaded(built.eval(), header, architecture)


def _code_for(file: Path, header: Header, network: str | Maker | None, *, needs_it: bool) -> OwnNetwork | None:
    """Give the code that a file needs and a person named; None where it needs none."""
    match header.get("architecture"):
        case {"name": str(name), **others} if is_own(name):
            try:
                return code_for({"name": name, "source_sha256": others.get("source_sha256")}, network)
            except CellpruneError as error:
                raise CellpruneError(f"{file}: {error}") from error.__cause__
        case {"name": name} if network is not None and needs_it:
            raise CellpruneError(f"{file} is of {quoted(name)}, no network of your own: remove --model")
    return None


def header_of(network: nn.Module) -> Header | None:
    """Give the header that `cellprune.load` left with a network, also where a compiler wraps it; None of any other."""
    header: Header | None = getattr(network, "header", None)
    return header


def _require_same(described: Mapping[str, Tensor], stored: Mapping[str, np.ndarray]) -> None:
    """Refuse weights that are not those of the described network, in one sentence: torch has one for each of them."""
    wrong = [
        name
        for name in sorted(described.keys() | stored.keys())
        if name not in described or name not in stored or tuple(described[name].shape) != stored[name].shape
    ]
    if wrong:
        raise ValueError(f"{len(wrong)} of its {len(stored)} tensors do not fit, such as {quoted(wrong[0])}")
