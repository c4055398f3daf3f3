"""The report: complete, self-contained, escaped, and shown by a real browser."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from finished_run import edited
from html_page import BROWSER, Page, screenshot

from cellprune.errors import CellpruneError
from cellprune.evaluation.cells import total
from cellprune.report import page
from cellprune.runs.cost import Budget
from cellprune.runs.folder import Folder
from cellprune.structure.counts import ChannelCount

pytestmark = pytest.mark.usefixtures("each_figure_once")


def written(folder: Folder) -> Page:
    page.write(folder)
    return Page(folder.file("report").read_text(encoding="utf-8"))


def test_the_page_tells_the_run(make_run: Callable[..., Folder]) -> None:
    folder = make_run(dead=True)
    scores, cost = folder.read_scores(), folder.read_cost()
    told, counted = written(folder), total([image.count for image in scores.cells.images])
    shown = scores.cell_pictures
    for part in (
        "PhC-C2DH-U373",
        "prospr, 97 % of the weights removed at initialization",
        f"{scores.summary['iou_image_mean']['network']:.4f}",
        f"{scores.summary['iou_cell_pooled']['native']:.4f}",
        "mean IoU of 10 held-out images, at 256 × 256",
        f"{counted.matched[0]} of {counted.true} true cells found, with an IoU above 0.5; {counted.found} cells found",
        f"SEG mean IoU of the true cells; a missed cell has 0 {scores.cells.summary['seg']:.4f}",
        "scores on random held-out frames are too good",
        "It buys no speed",
        "1 layer lost all weights",
        "1203 ms",
        "cellprune train --dataset PhC-C2DH-U373 --prune 0.97",
        "torch 2.13.0",
        "a8e4c67b1f0d5c7c6f9c3d0b8a1e2f3041526374+changes",
        "training 29 min 1 s",
        "training.learning_rate",
        "no pixel of it is known",
        f"Best : {shown.frames[0].id}, SEG",
        f"{counted.merged} merged : true cells that share a found cell with others",
        f"{counted.split} split :",
        f"{counted.missed} missed :",
        f"{counted.extra} extra :",
        f"The worst places, enlarged All {shown.n_errors} places with an error, merged cells first",
        "Scored within the memory 1 meta step at once",
    ):
        assert part in told.text, part
    assert all(image.id in told.text for image in scores.images)
    assert all(row.name.removesuffix(".weight") in told.text for row in cost.layers)


def test_the_page_holds_all_it_shows_and_runs_nothing(make_run: Callable[..., Folder]) -> None:
    folder = make_run()
    told, shown = written(folder), folder.read_scores().cell_pictures
    n_svg = sum("svg" in address[:20] for address in told.addresses)
    assert n_svg == 3 + 8, "three figures and the key of the pictures"
    assert len(told.addresses) - n_svg == len(shown.frames) + len(shown.closeups)
    assert folder.file("report").stat().st_size < 4e6
    assert all(re.match(r"data:image/(png|svg\+xml);base64,", address) for address in told.addresses)
    assert not told.tags & {"script", "link", "iframe", "object", "form"}
    assert "@import" not in folder.file("report").read_text(encoding="utf-8")
    assert "url(" not in folder.file("report").read_text(encoding="utf-8")


def test_a_dense_run_has_a_page_of_its_own(make_run: Callable[..., Folder]) -> None:
    folder = make_run(ratio=0)
    assert not folder.has("masks")
    with edited(folder, "config") as config:
        config["data"]["crop"], config["training"]["steps_per_epoch"] = 128, 20
    told = written(folder)
    assert "dense, nothing removed" in told.text
    assert re.search(r"\d+ epochs of 20 steps, batch \d+ of crops of 128 px, ", told.text)
    assert "Nothing was pruned: these are the numbers that a pruned run is compared with" in told.text
    assert "It buys no speed" not in told.text
    assert "pruned / dense" not in told.text


def test_text_from_outside_is_escaped(make_run: Callable[..., Folder]) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    folder = make_run(dataset=evil)
    with edited(folder, "scores") as scores:
        scores["images"][0]["id"] = scores["cells"]["images"][0]["id"] = evil
        for picture in (scores["cell_pictures"]["frames"][0], scores["cell_pictures"]["closeups"][0]):
            picture["id"] = picture["png"] = evil
    with edited(folder, "cost") as cost:
        cost["layers"][0]["name"] = evil
        cost["dead_layers"] = [evil]
    with edited(folder, "provenance") as made:
        made |= {"command": [evil], "commit": evil, "versions": {evil: evil}}
    told = written(folder)
    assert "script" not in told.tags
    assert told.text.count("<script>alert(1)</script>") >= 6
    assert not any(address == "x" for address in told.addresses)


def test_several_classes_and_a_network_of_another_kind_have_their_page(make_run: Callable[..., Folder]) -> None:
    evil = "<script>alert(1)</script>"
    folder = make_run(n_images=2)
    with edited(folder, "config") as config:
        config["model"] = {"name": "smp:unet/resnet18"}
    with edited(folder, "scores") as scores:
        for image in scores["images"]:
            image["id"] += f"/{evil}.png"
            image["classes"] = [
                {"name": "background", "intersection": 9, "union": 10},
                {"name": "nucleus", "intersection": 1, "union": 2},
                {"name": evil, "intersection": 1, "union": 4},
            ]
        scores["summary"] |= {"iou_cell_image_mean": {"network": None, "native": None}}
        del scores["cells"], scores["cell_pictures"]
        scores["pictures"] = [{"id": evil, "rank": "best", "iou": 0.5, "png": "AAAA"}]
    told = written(folder)
    assert "smp:unet/resnet18 · prospr" in told.text
    assert "nucleus, mean over images the class nucleus alone, then the mean over images 0.5000 0.5000" in told.text
    assert f"{evil}, pooled the class {evil} alone, pixels of all images counted together 0.2500" in told.text
    assert "both: found, but as another class" in told.text
    assert "AP at IoU" not in told.text, "classes do not number cells"
    rows = re.findall(r"<th>0\d/\d+/.*?</tr>", folder.file("report").read_text(encoding="utf-8"))
    assert [row.count("<td") for row in rows] == [2 * 3 + 1] * 2, "two sizes: all classes and each; unknown pixels"
    assert "script" not in told.tags


def test_an_older_run_shows_the_pictures_that_it_has(make_run: Callable[..., Folder]) -> None:
    folder = make_run(n_images=1)
    with edited(folder, "scores") as scores:
        del scores["cell_pictures"]
        scores["pictures"] = [{"id": "01/000", "rank": "best", "iou": 0.5, "png": "AAAA"}]
    told = written(folder)
    assert "Best : 01/000, IoU 0.5000 at native size" in told.text
    assert "SEG mean IoU of the true cells" in told.text
    assert "Where cells are wrong" not in told.text


def test_a_method_around_training_is_not_said_to_prune_at_initialization(make_run: Callable[..., Folder]) -> None:
    folder = make_run(n_images=1)
    with edited(folder, "config") as config:
        config["pruning"] = {"method": "lottery", "ratio": 0.5}
    folder.write_metrics([replace(row, stage=stage) for stage in range(3) for row in folder.read_metrics()])
    told = written(folder)
    assert "lottery, 50 % of the weights removed around training" in told.text.replace("\u00a0", " ")
    assert "3 trainings of 50 epochs" in told.text


def test_scores_that_are_undefined_are_dashes(make_run: Callable[..., Folder]) -> None:
    folder = make_run(n_images=1)
    with edited(folder, "scores") as scores:
        for image in scores["images"]:
            image["classes"] = [{"name": "background", "intersection": 0, "union": 0}]
        scores["summary"] = {name: {"network": None, "native": None} for name in scores["summary"]}
        scores["cell_pictures"], scores["part"] = None, "select"
    with edited(folder, "split") as split:
        split["parts"]["select"] = split["parts"]["report"]
    told = written(folder)
    assert "–" in told.text
    assert "score set-apart frames SEG" in told.text, "of those that were scored"
    assert len(told.addresses) == 2, "curves and layers"
    assert "standard deviation" not in told.text


def test_a_page_of_channels_counts_them_and_says_what_was_asked(make_run: Callable[..., Folder]) -> None:
    folder = make_run(n_images=1)
    cost = folder.read_cost()
    layers = [replace(row, channels=row.shape[0], channels_kept=row.shape[0] - 1) for row in cost.layers]
    cost = replace(
        cost,
        parameters=replace(cost.parameters, left=4_321),
        channels=ChannelCount(100, 90),
        layers=tuple(layers),
        budget=Budget("macs", 0.1, 0.0999, 10_000, 1000, 999),
    )
    folder.write_cost(cost)
    with edited(folder, "config") as config:
        config["pruning"] = {"method": "snip", "budget": "macs=0.1", "granularity": "channel"}
    told = written(folder).text.replace("\u00a0", " ")
    for part in (
        "snip, 10 % of the multiply-adds kept, by channel",
        "999 of 10,000 multiply-adds per image stay (9.99 %, asked: 10 %)",
        "channels kept",
        "63 of 64",
        "4.32 k",
        "the direct sparsity is",
        "at an input of 1 × 256 × 256",
    ):
        assert part in told, part


@pytest.mark.slow
def test_a_page_made_again_is_the_same(
    make_run: Callable[..., Folder], each_figure_once: dict[bytes, str | None]
) -> None:
    folder = make_run()
    page.write(folder)
    first = folder.file("report").read_text(encoding="utf-8")
    each_figure_once.clear()
    page.write(folder)
    assert folder.file("report").read_text(encoding="utf-8") == first


@pytest.mark.parametrize("kind", ["config", "split", "provenance", "cost", "metrics", "scores"])
def test_a_missing_file_is_named(kind: str, make_run: Callable[..., Folder]) -> None:
    folder = make_run(n_images=1)
    folder.file(kind).unlink()
    with pytest.raises(CellpruneError, match=folder.file(kind).name):
        page.write(folder)
    assert not folder.has("report")


@pytest.mark.parametrize(("kind", "key"), [("cost", "bytes"), ("scores", "summary"), ("provenance", "device")])
def test_a_file_that_lacks_something_is_an_error_and_no_half_page(
    kind: str, key: str, make_run: Callable[..., Folder]
) -> None:
    folder = make_run(n_images=1)
    with edited(folder, kind) as content:
        del content[key]
    with pytest.raises(CellpruneError, match=rf"{folder.file(kind).name} is damaged \(.*{key}"):
        page.write(folder)
    assert not folder.has("report")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs a headless browser")
def test_a_browser_shows_the_page(make_run: Callable[..., Folder], tmp_path: Path) -> None:
    folder = make_run()
    page.write(folder)
    shown = screenshot(folder.file("report"), tmp_path, width=1040, height=4400)
    blank_rows = (shown == 255).all(axis=(1, 2))
    assert blank_rows.mean() < 0.7, "the page is not empty"
    assert (shown[:, 982:] == 255).all(), "nothing is wider than the page"
    dark = (shown.max(axis=2) < 120).mean(axis=1)
    assert np.count_nonzero(dark > 0.5) > 600, "three pictures of cells are there"


def test_one_held_out_image_draws_no_strip_chart(make_run: Callable[..., Folder]) -> None:
    charts = ["IoU of each held-out image" in written(make_run(str(n), n_images=n)).text for n in (1, 2)]
    assert charts == [False, True]
