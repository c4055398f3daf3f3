"""Our ranking beside the published one: equal order gives 1, turned round -1, and the layers are pictured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _row(method: str, share: str, seed: int, score: float) -> dict[str, Any]:
    return {"network": f"{method} {share}\u00a0%", "seed": seed, "score": score, "layers": {"stem": 0.5, "head": 0.25}}


def _kept(tmp_path: Path, published: Callable[[float], dict[str, float]]) -> Path:
    rows = [
        _row(method, f"{100 * sparsity:.1f}", seed, 0.5 + sign * accuracy / 1000 + 0.001 * seed)
        for sparsity, sign in ((1 - 0.8**10, +1), (1 - 0.8**18, -1))
        for seed in (0, 1)
        for method, accuracy in published(sparsity).items()
    ]
    (tmp_path / "kept.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path / "kept.json"


def test_the_same_order_agrees_wholly_and_the_opposite_not_at_all(
    run_benchmark: Callable[..., str], benchmark: Callable[..., Any], tmp_path: Path
) -> None:
    published = benchmark("ranking").published
    told = run_benchmark("ranking", _kept(tmp_path, published), "--picture", tmp_path / "layers.svg")
    alike, opposite = (told.index(f"by seed {r}, {r}; mean {r}") for r in ("+1.00", "-1.00"))
    assert alike < opposite
    first, accuracy = next(iter(published(1 - 0.8**10).items()))
    by_seed = [50 + accuracy / 10 + 0.1 * seed for seed in (0, 1)]
    assert f"| {first} | {accuracy:.1f} | {sum(by_seed) / 2:.1f} | {by_seed[0]:.1f}, {by_seed[1]:.1f} |" in told
    assert all(method in (tmp_path / "layers.svg").read_text(encoding="utf-8") for method in published(1 - 0.8**18))
