"""What a run says before it starts: the frames of each part, what a policy leaves out, and which policy would not."""

from dataclasses import replace
from pathlib import Path

import pytest

from cellprune.data.cells.preview import preview
from cellprune.data.cells.split import split
from cellprune.data.open import open_dataset


@pytest.fixture(scope="module")
def dataset(data_root: Path):
    return open_dataset("simulated", data_root=data_root)


@pytest.mark.parametrize("policy", ["paper", "ignore", "complete", "silver"])
def test_numbers_are_those_of_the_split(dataset, policy) -> None:
    parts = split(dataset, how="random", policy=policy, seed=0)
    lines = preview(dataset, parts)
    assert lines[0] == (
        f"learning from {len(parts.train)} frames, {len(parts.report)} held out (split random, truth policy {policy})"
    )
    assert any("leaves out" in line for line in lines) == bool(parts.dropped)
    for drop in parts.dropped[:3]:
        assert f"{drop.frame.id}: {drop.reason}" in lines[1]


def test_a_policy_that_would_learn_from_more_is_named(dataset) -> None:
    strict = split(dataset, how="random", policy="complete", seed=0)
    silver = split(dataset, how="random", policy="silver", seed=0)
    assert len(silver.train) > len(strict.train)
    assert preview(dataset, strict)[-1].startswith(f"--truth silver would learn from {len(silver.train)} frames")
    assert not any("would" in line for line in preview(dataset, silver))


def test_one_of_something_is_one(dataset) -> None:
    parts = split(dataset, how="random", policy="ignore", seed=0)
    assert "frame, 1 held out" in preview(dataset, replace(parts, train=parts.train[:1], report=parts.report[:1]))[0]
