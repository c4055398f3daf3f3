"""The table of cells by target and decoder: what each row learned from stands in it, and no column is empty."""

from collections.abc import Callable
from types import ModuleType

SCORES = {"iou": 0.8, "seg": 0.7, "ap_50": 0.7, "ap_75": 0.3, "ap_90": 0.0, "merged_share": 0.1, "split_share": 0.0,
          "missed_share": 0.0}  # fmt: skip


def test_a_column_is_there_once_a_run_has_something_in_it(benchmark: Callable[[str], ModuleType]) -> None:
    cells = benchmark("cells")
    arm = cells.Arm("DIC-C2DH-HeLa", "02", set_apart=False, network="flat 10 %", target="border")

    def run(seed: int, crop: int | None = None, truth: str = "ignore", **challenge: float) -> object:
        learned = cells.replace(arm, frames=cells.frames_of({"crop": crop, "truth": truth}))
        return cells.Run(
            learned, seed, 10**9, "383a3f4", 8, 9, {}, {"tuned": SCORES, "usual numbers": SCORES}, challenge
        )

    whole = [run(0), run(1)]
    heads, _, tuned, *_, _, below = cells.of_frames(whole, "02", set_apart=False)
    assert heads == "| set | target | decoder | SEG | AP .5 | .75 | .9 | IoU | merged | split | missed |"
    assert tuned.replace(cells.NO_BREAK, " ").startswith("| HeLa | border | tuned | 0.700 ± 0.000 | 0.700 | 0.300 ")
    assert below == "All rows: network flat 10 %, frames whole, seeds 2, commit 383a3f4."
    scored = run(0, 128, det=0.9, op_csb=0.8, tra=0.9, lnk=0.8)
    heads, _, *rows, _, below = cells.of_frames([scored, run(0, truth="silver"), *whole], "02", set_apart=False)
    assert heads.startswith("| set | frames | target | decoder | seeds | SEG ")
    kinds = [row.replace(cells.NO_BREAK, " ").split(" | ")[1] for row in rows]
    assert kinds == ["whole"] * 2 + ["crops of 128 px"] * 2 + ["whole, silver truth"] * 2
    assert below == "All rows: network flat 10 %, commit 383a3f4."
    heads, _, row, *_ = cells.of_sequence([scored, *whole], "02")
    assert (heads, row) == (
        "| set | target | DET | OP_CSB | TRA | LNK |",
        "| HeLa | border | 0.900 | 0.800 | 0.900 | 0.800 |",
    )
    assert list(cells.of_frames(whole, "01", set_apart=False)) == ["*Not measured yet.*"]
