"""Our ranking beside the published one: equal order gives 1, turned round -1, and the layers are pictured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

METHODS = {"random": "Random", "magnitude": "Magnitude at Initialization", "snip": "SNIP", "prospr": "ProsPr"}
REST = {"grasp": "GraSP", "synflow": "SynFlow"}
SHARES = {89.3: "89.3\u00a0%", 98.2: "98.2\u00a0%"}


def _row(method: str, share: str, seed: int, score: float) -> dict[str, Any]:
    return {"network": f"{method} {share}", "seed": seed, "score": score, "layers": {"stem": 0.5, "head": 0.25}}


def _files(tmp_path: Path) -> tuple[Path, Path]:
    kept, published = tmp_path / "kept.json", tmp_path / "published.csv"
    names = METHODS | REST
    rows = [
        _row(method, share, seed, 0.5 + sign * 0.01 * place + 0.001 * seed)
        for share, sign in zip(SHARES.values(), (+1, -1), strict=True)
        for seed in (0, 1)
        for place, method in enumerate(names)
    ]
    kept.write_text(json.dumps(rows), encoding="utf-8")
    lines = ["table,dataset,network,method,sparsity_percent,metric,mean,spread,note"]
    lines += [
        f"4,CIFAR-10,ResNet-20,{name},{percent},test_accuracy_percent,{70 + place},0.1,"
        for percent in SHARES
        for place, name in enumerate(names.values())
    ]
    published.write_text("\n".join(lines), encoding="utf-8")
    return kept, published


def test_the_same_order_agrees_wholly_and_the_opposite_not_at_all(
    run_benchmark: Callable[..., str], tmp_path: Path
) -> None:
    told = run_benchmark("ranking", *_files(tmp_path), "--picture", tmp_path / "layers.svg")
    alike, opposite = (told.index(f"by seed {r}, {r}; mean {r}") for r in ("+1.00", "-1.00"))
    assert alike < opposite
    assert "| synflow | 75.0 | 55.0 | 55.0, 55.1 |" in told  # 55.05 by seeds 0 and 1
    assert all(method in (tmp_path / "layers.svg").read_text(encoding="utf-8") for method in METHODS)
