"""What each of two processes does in the test of their agreement: a module that a process of its own can import."""

import pytest
import torch
from torch import distributed, nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.masks import hold
from cellprune.pruning.prune import prune


def one_of_two(rank, folder):
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3)))
    generator = torch.Generator().manual_seed(rank)  # each process reads batches of its own
    data = [(torch.randn(8, 6, generator=generator), torch.randint(3, (8,), generator=generator)) for _ in range(3)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    before = [p.clone() for p in model.parameters()]
    masks = prune(model, method="snip", sparsity=0.6, batches=data, loss=F.cross_entropy)
    with pytest.raises(CellpruneError, match="the masks differ between the 2 processes"):
        hold(model, masks, optimizer)
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True)), "nothing was masked"
    with pytest.raises(CellpruneError, match="the masks differ"):  # one has none at all
        hold(model, masks if rank else {}, optimizer)

    shared = [masks if rank == 0 else None]
    distributed.broadcast_object_list(shared, src=0)
    hold(model, shared[0], optimizer)
    for inputs, target in data:
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), target).backward()
        optimizer.step()
    assert all(not model.module.get_parameter(name)[~mask].any() for name, mask in shared[0].items())
    ours = torch.cat([p.detach().flatten() for p in model.parameters()])
    both = [torch.empty_like(ours) for _ in range(2)]
    distributed.all_gather(both, ours)
    assert torch.equal(*both)
    distributed.destroy_process_group()
