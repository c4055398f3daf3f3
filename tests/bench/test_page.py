"""The page of a bench: a point for each network in an engine, its name, and only scores that may be compared."""

import re
from pathlib import Path

from bench_rows import row

from cellprune.bench import page
from cellprune.bench.bench import Bench


def bench(*rows):
    return Bench((64, 48), 2, 10, "a processor", rows, ("It <helped>.",), ("A note.",))


def test_the_picture_names_networks_and_marks_engines() -> None:
    rows = [row("wide", 40.0, 0.91), row("small", 10.0, 0.9, "pruned", engine="torch"),
            row("small", 3.0, 0.9, "pruned", engine="openvino", precision="bf16")]  # fmt: skip
    drawn = page.picture(rows, ["wide", "small"])
    for text in ("1: wide", "2: small", "onnx fp32", "torch fp32", "openvino bf16"):
        assert drawn.count(f">{text}<") == 1
    assert ">5<" in drawn, "far apart, so on a scale of powers"
    assert ">5<" not in page.picture([row("wide", 11.0, 0.91), row("small", 9.0, 0.9)], ["wide", "small"])


def test_a_long_name_leaves_room_for_the_points() -> None:
    name = "prospr channel latency=0.8 kept, loss cross-entropy+dice, round to 1"
    assert ">1: prospr channel  … 0.8 kept<" in page.picture([row(name, 10.0, 0.9)], [name])


def test_names_of_like_scores_stand_apart() -> None:
    rows = [row(f"n{k}", 10.0, 0.9 + k * 1e-6) for k in range(4)] + [row("low", 20.0, 0.5)]
    drawn = page.picture(rows, [*(f"n{k}" for k in range(4)), "low"])
    heights = [float(re.search(rf' y="([\d.]+)"[^>]*>{k + 1}: n{k}<', drawn)[1]) for k in range(4)]
    assert all(above - below < -8 for above, below in zip(heights[1:], heights, strict=False))


def test_seg_stands_beside_iou_where_it_is_known(tmp_path: Path) -> None:
    rows = [row("wide", 40.0, 0.91, seg=0.8125), row("old", 10.0, 0.9)]
    drawn = page.picture(rows, ["wide", "old"])
    assert [drawn.count(f">{text}<") for text in ("SEG", "Mean IoU, native size", "1: wide", "2: old")] == [1, 1, 2, 1]
    assert ">SEG<" not in page.picture(rows[1:], ["wide", "old"])
    page.write(tmp_path / "page.html", bench(*rows))
    html = (tmp_path / "page.html").read_text()
    assert "SEG of the run" in html
    assert '<td class="n">0.8125</td><td class="n">0.9100</td>' in html


def test_the_page_holds_all_and_is_escaped(tmp_path: Path) -> None:
    rows = (row("wide <1>", 40.0, 0.91), row("else", 10.0, 0.9, "pruned", comparable=False, peak_bytes=None, macs=None))
    page.write(tmp_path / "page.html", bench(*rows))
    html = (tmp_path / "page.html").read_text()
    assert 'content="cellprune bench"' in html
    for text in ("wide &lt;1&gt;", "It &lt;helped&gt;.", "A note.", "64 × 48 px, 2 threads of a processor", "40.0"):
        assert text in html
    assert "not comparable" in html
    page.write(tmp_path / "none.html", bench(row("file", 1.0, None, None)))
    assert "no network has a score here" in (tmp_path / "none.html").read_text()
