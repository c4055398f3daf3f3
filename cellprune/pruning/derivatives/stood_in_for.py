"""Refuses networks for whose weights nothing can stand in while they are differentiated: the scores would be wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.pull_back import nodes_behind

_AGAIN = "activation checkpointing plays a part of the network again"
_SO = (
    "with other weights than those that are scored: switch it off while you prune (snip and force take it with "
    "use_reentrant=False)"
)


def refuse_bypassed(own: Mapping[str, Tensor], value: Tensor) -> None:
    """Refuse a value that was computed from the network's own parameters, although others stood in for them.

    Args:
        own: name -> parameter.
        value: a result with its graph.
    Raises:
        CellpruneError: the message names the parameter; or a part of the network is checkpointed in the old way, and
            its weights are no part of the graph.
    """
    names = {id(parameter): name for name, parameter in own.items()}
    for node in nodes_behind([value]):
        if name := names.get(id(getattr(node, "variable", None))):
            raise CellpruneError(
                f"forward reads {name!r} past its module (from a tuple, a closure, functools.partial), where nothing "
                f"can stand in for it: let forward read it from its module"
            )
        if node.name() == "CheckpointFunctionBackward":
            raise CellpruneError(f"{_AGAIN}, {_SO}")


@contextmanager
def played_once(graph: bool) -> Iterator[None]:
    """Refuse activation checkpointing where it would play with other weights than those of the graph, or fail.

    Args:
        graph: whether the gradient will be differentiated again, when nothing stands in for the weights any more.
    Raises:
        CellpruneError: it is on, and cannot be.
    """
    try:
        if not graph:
            yield
            return
        with torch.autograd.graph.disable_saved_tensors_hooks(_AGAIN):
            yield
    except RuntimeError as error:
        if _AGAIN not in str(error) and "torch.utils.checkpoint" not in str(error):
            raise
        raise CellpruneError(f"{_AGAIN}, {_SO}") from error
