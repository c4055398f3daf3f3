"""Whether pruning helped is said for and against, and what is missing is said, too."""

from bench_rows import row

from cellprune.bench.helped import sentences
from cellprune.bench.row import Row

DENSE, PRUNED = row("wide", 40.0, 0.91), row("small", 10.0, 0.9, "pruned")


def said(*rows: Row) -> str:
    (sentence,) = sentences(rows)
    return sentence.replace("\u00a0", " ")


def test_a_faster_network_of_a_lower_score() -> None:
    assert said(DENSE, PRUNED) == (
        "small, in onnx fp32: for it, it takes 10.0 ms per image where wide takes 40.0 ms, 25 % of the time; against "
        "it, its score is 0.0100 lower."
    )


def test_cells_count_beside_pixels() -> None:
    dense, merged = row("wide", 40.0, 0.91, seg=0.8), row("small", 10.0, 0.92, "pruned", seg=0.5)
    assert said(dense, merged).endswith("its score is 0.0100 higher; against it, its SEG is 0.3000 lower.")
    as_good = row("flat", 9.0, 0.93, "control", seg=0.6)
    assert "flat, a control" in said(dense, merged, as_good)
    assert "flat" not in said(dense, merged, row("flat", 9.0, 0.93, "control", seg=0.4))


def test_a_network_that_is_no_faster() -> None:
    assert said(DENSE, row("small", 39.0, 0.92, "pruned")) == (
        "small, in onnx fp32: for it, its score is 0.0100 higher; against it, it is not faster (39.0 ms per image "
        "where wide takes 40.0 ms)."
    )


def test_zeros_that_are_multiplied_make_no_network_faster() -> None:
    masked = row("masked", 37.0, 0.92, "pruned", macs=DENSE.macs)
    assert said(DENSE, masked) == (
        "masked, in onnx fp32: for it, its score is 0.0100 higher; against it, it is faster by chance only (37.0 ms "
        "per image where wide takes 40.0 ms): it does as many multiply-adds, zeros among them."
    )


def test_a_control_that_does_as_well_counts_against_it() -> None:
    control = row("flat", 9.0, 0.905, "control")
    assert said(DENSE, PRUNED, control).endswith(
        "its score is 0.0100 lower and flat, a control, takes 9.00 ms and scores as well."
    )
    narrow = row("narrow", 8.0, 0.9)
    assert "narrow, a smaller dense network, takes 8.00 ms" in said(narrow, DENSE, PRUNED, control)
    assert "flat" not in said(DENSE, PRUNED, row("flat", 9.0, 0.89, "control"))
    assert "flat" not in said(DENSE, PRUNED, row("flat", 12.0, 0.95, "control"))


def test_it_is_judged_in_the_engine_in_which_it_is_fastest_and_in_fp32() -> None:
    other = row("small", 5.0, 0.9, "pruned", engine="openvino"), row("wide", 15.0, 0.91, engine="openvino")
    lower = row("small", 1.0, 0.9, "pruned", engine="openvino", precision="bf16")
    assert said(DENSE, PRUNED, *other, lower).startswith("small, in openvino fp32: for it, it takes 5.00 ms")
    assert said(DENSE, row("small", 5.0, 0.9, "pruned", engine="openvino")) == (
        "small cannot be compared, because wide does not run in openvino."
    )


def test_what_is_missing_is_said() -> None:
    assert said(DENSE).startswith("No pruned run is among these networks")
    assert said(PRUNED).startswith("No dense run of the settings of small is among these networks")
    assert said(PRUNED, row("wide", 40.0, 0.91, comparable=False)).startswith("No dense run of the settings of small")
    assert said(DENSE, row("small", 10.0, 0.9, "pruned", comparable=False)).endswith(
        "its score is not comparable, so this says nothing of its cost."
    )


def test_a_pruned_network_stands_beside_the_dense_one_of_its_own_settings() -> None:
    other = row("border", 41.0, 0.8, trained_as='{"data.target": "border"}', macs=50_000)
    assert said(other, DENSE, PRUNED) == said(DENSE, PRUNED)
    assert said(other, PRUNED).startswith("No dense run of the settings of small")
    as_large = row("twin", 9.0, 0.95, macs=DENSE.macs)
    assert "twin" not in said(DENSE, PRUNED, as_large), "what does as much work is no smaller network"
