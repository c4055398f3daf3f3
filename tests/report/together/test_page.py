"""The page of several runs: complete, self-contained, escaped, honest, and shown by a real browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished_run import edited
from html_page import BROWSER, Page, screenshot

from cellprune.errors import CellpruneError
from cellprune.report.together import page as comparison_page
from cellprune.runs.folder import Folder

pytestmark = pytest.mark.usefixtures("each_figure_once")


def written(*folders: Folder, output: Path, **options: Any) -> Page:
    comparison_page.write([folder.path for folder in folders], output, **options)
    return Page(output.read_text(encoding="utf-8"))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "comparison.html"


def test_the_page_tells_the_runs(make_run: Callable[..., Folder], output: Path) -> None:
    dense, pruned = make_run("a-dense", ratio=0), make_run("b-pruned")
    told = written(dense, pruned, output=output)
    text = told.text.replace("\u00a0", " ")
    for part in (
        "2 runs side by side",
        "PhC-C2DH-U373",
        "a-dense",
        "prospr 97 % b-pruned",
        "0 / 0",
        "scores on random held-out frames are too good",
        "there is no interval: another seed may change these differences",
        "99.6 %",
        "An ordinary CPU or GPU computes all of them, so its time does not fall.",
        "All were measured on Intel(R) Xeon(R) Platinum 8481C, 2 cores, Linux x86_64; cpu, threads: 2.",
        "pruning.method dense prospr",
        "cell, mean over images",
        "up.3.widen.weight",
    ):
        assert part in text, part
    for run in (dense, pruned):
        for scores in run.read_scores().summary.values():
            assert f"{scores['native']:.4f}" in text
    assert "training.epochs" not in text, "the same in both"


def test_the_page_holds_all_it_shows_and_runs_nothing(make_run: Callable[..., Folder], output: Path) -> None:
    told = written(make_run("a", ratio=0), make_run("b"), output=output)
    assert len(told.addresses) == 3, "scores over multiply-adds, differences, curves; times are alike"
    assert all(address.startswith("data:image/svg+xml;base64,") for address in told.addresses)
    assert not told.tags & {"script", "link", "iframe", "object", "form"}
    html = output.read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert "url(" not in html


def test_methods_stand_in_one_row_each_by_seg_and_runs_of_an_older_version_stay(
    make_run: Callable[..., Folder], output: Path
) -> None:
    runs = [make_run(f"{ratio}-{seed}", n_images=2, ratio=ratio, seed=seed) for ratio in (0, 0.9) for seed in (0, 1)]
    older = make_run("older", n_images=2, ratio=0.8)
    with edited(older, "scores") as scores:
        del scores["cells"]
    for run in runs[2:]:
        with edited(run, "cost") as cost:
            cost["milliseconds"]["pruned"] = 100.0
    for at, run in enumerate(runs):
        with edited(run, "scores") as scores:
            for image in scores["cells"]["images"]:
                image["count"] |= {"true": 10, "jaccard": 6.0 + at, "merged": at}
    told = written(*runs, older, output=output).text.replace("\u00a0", " ")
    rows = re.search("method seeds SEG difference AP at IoU 0.5 merged .*? Cells are those", told)[0]
    first, second, last = (
        rows.index(label) for label in ("prospr 90 % runs 3, 4 2", "dense runs 1, 2 2", "prospr 80 %")
    )
    assert first < second < last
    assert "prospr 90 % runs 3, 4 2 0.8500 ± 0.6353 +0.2000 ± 0.0000" in rows
    assert "dense runs 1, 2 2 0.6500 ± 0.6353 reference" in rows
    assert "25 % ± 63.5 %" in rows, "merged"
    assert re.search("prospr 80 % run 5 1 not scored by cells 0[.]9", rows)
    assert "Scores over multiply-adds: further left is cheaper, higher is better." in told
    assert "its line is the 95 % interval, faint dots are seeds" in told
    assert "Scores over time: further left" in told
    assert "Only networks with the same dense network are drawn." in told


def test_text_from_outside_is_escaped(make_run: Callable[..., Folder], output: Path) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    folders = [make_run("a<script>b", dataset=evil, ratio=0), make_run("b", dataset=evil), make_run("c", dataset=evil)]
    for k, folder in enumerate(folders):
        with edited(folder, "scores") as scores:
            for image in scores["images"]:
                image["id"] += evil
                image["classes"][1]["name"] = evil
        with edited(folder, "cost") as cost:
            cost["layers"][0]["name"] = evil
        with edited(folder, "config") as config:
            config["model"] |= {"name": f"{k}{evil}", evil: f"{k}{evil}"}
        with edited(folder, "provenance") as made:
            made["machine"]["processor"] = f"{k}{evil}"
    told = written(*folders, output=output)
    assert "script" not in told.tags
    assert told.text.count("<script>alert(1)</script>") > 30
    assert "a<script>b" in told.text
    assert "x" not in told.addresses


def test_seeds_with_an_interval_have_their_table(make_run: Callable[..., Folder], output: Path) -> None:
    runs = [make_run(f"{ratio}-{seed}", ratio=ratio, seed=seed, n_images=2) for ratio in (0, 0.9) for seed in (0, 1)]
    extra = make_run("one", ratio=0.5, seed=1, n_images=2)
    for run in (*runs[2:], extra):
        with edited(run, "cost") as cost:
            cost["shrunk"] = True
    text = written(*runs, extra, output=output).text.replace("\u00a0", " ")
    assert "seed 0 seed 1 mean of seeds 95 % interval" in text
    assert "3 4 prospr 90 % 256 × 256 0.0000 0.0000 0.0000 0.0000 … 0.0000" in text
    assert "5 prospr 50 % 256 × 256 – 0.0000 0.0000 1 seed: none" in text
    assert "reference of its seed" in text
    assert "each between two runs of that seed" in text
    assert "time does not fall" not in text, "nothing of these networks is zero"


def test_what_is_less_comparable_than_it_seems_is_said(make_run: Callable[..., Folder], output: Path) -> None:
    dense, pruned = make_run("dense", ratio=0, n_images=4), make_run("pruned", n_images=4, seed=3)
    other = make_run("other", dataset="DIC-C2DH-HeLa", n_images=2)
    with edited(pruned, "split") as split:
        split["parts"]["report"][0]["sha256"] = {"image": "1" * 64}
    with edited(pruned, "config") as config:
        config["data"]["size"] = [512, 512]
    with edited(pruned, "provenance") as made:
        made["machine"]["processor"] = "another"
    with edited(dense, "scores") as blind:
        for image in blind["images"]:
            image["classes"][1]["intersection"] = 0
    pruned.write_metrics(pruned.read_metrics()[:20])
    with edited(other, "split") as strange:
        for frame in strange["parts"]["report"]:
            frame["sha256"] = {"image": "2" * 64}
    text = written(dense, pruned, other, output=output).text
    for part in (
        "These runs form 2 groups. Runs of different groups are not compared",
        "Run 2 has seed 3, but the reference has no run of this seed",
        "Run 2 works at another size than run 1: only native scores are compared",
        "Run 2 shares 3 of 4 held-out images with run 1",
        "Run 2 was trained for 20 epochs in all, run 1 for 50",
        "measured on different machines",
        "Run 1 learned nothing: its IoU of cell is 0.",
        "another, 2 cores",
        "Difference of each scored image (dots) and their mean (bar), native size",
    ):
        assert part in text, part


def test_groups_of_one_data_set_are_told_apart(make_run: Callable[..., Folder], output: Path) -> None:
    one, other = make_run("one", n_images=1), make_run("other", n_images=1)
    with edited(other, "split") as split:
        split["policy"] = "paper"
    text = written(one, other, output=output).text
    assert "PhC-C2DH-U373, truth ignore, hold-out random, split seed 0" in text
    assert "PhC-C2DH-U373, truth paper, hold-out random, split seed 0" in text


def test_a_reference_that_is_not_among_the_runs_is_added(make_run: Callable[..., Folder], output: Path) -> None:
    one, other = make_run("one", n_images=1, ratio=0), make_run("other", n_images=1)
    told = written(one, output=output, reference=other.path)
    assert "2 runs side by side" in told.text
    assert re.search(r"1 prospr.*? other", told.text)


def test_undefined_scores_are_dashes(make_run: Callable[..., Folder], output: Path) -> None:
    one, other = make_run("one", n_images=1, ratio=0), make_run("other", n_images=1)
    for folder in (one, other):
        with edited(folder, "scores") as scores:
            for image in scores["images"]:
                image["classes"] = [{"name": name, "intersection": 0, "union": 0} for name in ("background", "cell")]
            scores["summary"] = {name: {"network": None, "native": None} for name in scores["summary"]}
            scores["cells"] = None
    told = written(one, other, output=output)
    assert len(told.addresses) == 1, "curves alone"
    assert "0 of 1" not in told.text
    assert "These runs are not scored by cells." in told.text


@pytest.mark.parametrize("kind", ["split", "cost", "metrics", "scores", "masks"])
def test_a_missing_file_is_named(kind: str, make_run: Callable[..., Folder], output: Path) -> None:
    one, other = make_run("one", n_images=1, ratio=0), make_run("other", n_images=1)
    other.file(kind).unlink()
    with pytest.raises(CellpruneError, match=f"other.*{other.file(kind).name}"):
        written(one, other, output=output)
    assert not output.exists()


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [("scores", "images", [{}]), ("scores", "images", None), ("cost", "parameters", {}), ("provenance", "machine", 3)],
)
def test_a_file_with_other_content_names_the_run(
    kind: str, key: str, value: object, make_run: Callable[..., Folder], output: Path
) -> None:
    one, other = make_run("one", n_images=1, ratio=0), make_run("other", n_images=1)
    with edited(other, kind) as content:
        content[key] = value
    with pytest.raises(CellpruneError, match=rf"other.*{other.file(kind).name} is damaged"):
        written(one, other, output=output)
    assert not output.exists()


def test_a_page_made_again_is_the_same(
    make_run: Callable[..., Folder], output: Path, each_figure_once: dict[bytes, str | None]
) -> None:
    runs = [make_run("one", n_images=1, ratio=0), make_run("other", n_images=1)]
    written(*runs, output=output)
    first = output.read_bytes()
    each_figure_once.clear()
    written(*runs, output=output)
    assert output.read_bytes() == first


@pytest.mark.skipif(BROWSER is None, reason="needs a headless browser")
@pytest.mark.slow
def test_a_browser_shows_a_dozen_runs(make_run: Callable[..., Folder], output: Path, tmp_path: Path) -> None:
    ratios = (0, 0.8, 0.9, 0.95)
    runs = [make_run(f"{ratio}-{seed}", ratio=ratio, seed=seed) for ratio in ratios for seed in range(3)]
    written(*runs, output=output)
    shown = screenshot(output, tmp_path, width=1200, height=4000)
    assert (shown == 255).all(axis=(1, 2)).mean() < 0.6, "the page is not empty"
    assert (shown[:, 1150:] == 255).all(), "nothing is wider than the page"
