"""How much of the inner training fits into memory at once: segments of steps, and micro-batches of a step."""

import torch
from torch import Tensor, nn

from cellprune.errors import ScarceError
from cellprune.machine.memory import available_bytes
from cellprune.pruning.derivatives.batches import take
from cellprune.pruning.derivatives.conditions import device_of, untouched
from cellprune.pruning.derivatives.objective import Objective, batch_statistics
from cellprune.pruning.kinds import Batch, Loss, Segments
from cellprune.structure.nested import map_tensors

# Bytes of one step's graph per byte that its forward pass saves; 1.5 to 1.9 were measured (benchmarks/metagradient.py).
# While a segment is differentiated, what is on its way back through it takes about one more step's graph.
GRAPH_PER_FORWARD = 2.0
# States of the inner training kept at once; ten took the U-Net's peak at M = 100 beyond 1.6 of that at M = 1, for a
# tenth less to play again.
STATES = 8
SAFE_SHARE = 0.6  # of the memory that is free now; the rest is for the allocator and for what else runs


def choose_segments(
    model: nn.Module, batch: Batch, loss: Loss, *, inner_steps: int, otherwise: str = "take order='first'"
) -> Segments:
    """Choose how the meta-gradient is computed by the memory that is free now; the result does not depend on it.

    Args:
        model: the network to be scored.
        batch: one (inputs, target) pair, of the size that scoring will use.
        loss: (output, target) -> scalar mean.
        inner_steps: M.
        otherwise: what else to do where memory does not suffice, for the message.
    Returns:
        {"segment": inner steps whose graph is kept at once, "micro_batch": samples a graph, or None for whole batches};
        `prune(..., segment=, micro_batch=)` takes both.
    Raises:
        ScarceError: not even one step fits; the message says how many samples a batch would.
    """
    device = device_of(model)
    batch = take([batch], 1, device)[0]
    n_samples = _n_samples(batch)
    per_sample, parameters = _measure(model, batch, loss)
    snapshots = min(inner_steps, STATES) + 4  # states kept, and the gradients, adjoints and products of one step
    allowed = SAFE_SHARE * available_bytes(device)
    room = allowed - snapshots * parameters
    graphs = max(0, int(room / (GRAPH_PER_FORWARD * per_sample)))  # of one sample and step each
    fitting = graphs // 2  # samples a step
    if fitting >= n_samples:
        return {"segment": max(1, min(inner_steps, graphs // n_samples - 1)), "micro_batch": None}
    with untouched(model):
        if fitting and batch_statistics(model) is None:
            Objective(model, [batch], loss, seed=0, micro_batch=fitting).check_micro_batches()
            return {"segment": 1, "micro_batch": fitting}
    needed = 2 * GRAPH_PER_FORWARD * per_sample * n_samples + snapshots * parameters
    remedy = f"lower pruning.batch_size to {fitting}" if fitting else "take a smaller network or image"
    raise ScarceError(
        f"one step of the meta-gradient on {n_samples} samples needs about {needed / 2**20:.0f} MiB, but may take "
        f"{allowed / 2**20:.0f} MiB ({SAFE_SHARE:.0%} of what is free for this process on {device}): {remedy}, or "
        f"{otherwise}"
    )


def _measure(model: nn.Module, batch: Batch, loss: Loss) -> tuple[float, int]:
    """Give the bytes that a forward pass saves for its backward, per sample, and the bytes of the parameters."""
    n_samples = _n_samples(batch)
    slice_size = min(2, n_samples)  # two: batch norm may refuse a single one
    if slice_size < n_samples:
        batch = map_tensors(lambda t: t[:slice_size], batch)
    objective = Objective(model, [batch], loss, seed=0)
    with untouched(model):
        leaves = tuple(p.requires_grad_() for p in objective.start({}))
        own = {p.untyped_storage().data_ptr() for p in leaves}
        saved: dict[int, int] = {}

        def note(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                saved[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            value = objective.at(0, leaves)
        del value
    return max(1, sum(saved.values())) / slice_size, sum(p.nbytes for p in leaves)


def _n_samples(batch: Batch) -> int:
    """Count the samples; a batch that cannot be cut is one."""
    inputs = batch[0]
    return len(inputs) if isinstance(inputs, Tensor) else 1
