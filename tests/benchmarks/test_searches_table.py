"""The table of the searches in docs/results/searches.md is the one that their kept results give."""

from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_results_page_shows_what_is_kept_of_the_searches(run_benchmark: Callable[..., str], tmp_path: Path) -> None:
    kept, picture = sorted((DOCS / "measurements" / "searches").iterdir()), tmp_path / "searches.svg"
    table = run_benchmark("searches", *kept, "--picture", picture).strip().replace("\u00a0", " ")
    assert {line.split(" | ")[0] for line in table.splitlines() if "PhC-" in line or "DIC-" in line} >= {
        f"| {name}-C2DH-{rest}, {method}"
        for name, rest in (("DIC", "HeLa"), ("PhC", "U373"))
        for method in ("prospr", "prospr, multiply-adds", "snip", "gradual")
    }
    assert table in (DOCS / "results/searches.md").read_text(encoding="utf-8")
    assert "82.32\u00a0% removed" in picture.read_text(encoding="utf-8")
