"""Several processes hold the same masks, or none of them does."""

import pytest
import torch
import two_processes
from torch import multiprocessing

from cellprune.pruning.agreement import digest, refuse_different


def test_a_digest_tells_masks_apart_and_not_their_order():
    a, b = torch.tensor([True, False, True]), torch.tensor([[True, True]])
    same = digest({"a": a, "b": b})
    assert len(same) == 32
    assert same == digest({"b": b.clone(), "a": a})
    others = [{"a": ~a, "b": b}, {"a": b, "b": a}, {"a": a}, {"a": a, "b": b.T}, {"a": a, "c": b}]
    assert len({same, *map(digest, others)}) == 6


def test_one_process_agrees_with_itself():
    assert refuse_different({"a": torch.tensor([True])}, torch.device("cpu")) is None


@pytest.mark.slow
def test_two_processes_that_prune_for_themselves_are_refused_and_end_alike_with_shared_masks(tmp_path):
    multiprocessing.spawn(two_processes.one_of_two, args=(str(tmp_path),), nprocs=2)
