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
    heads, _, *rows = cells.table(whole, "02", set_apart=False)
    named = "network | target | decoder | seeds"
    assert heads == f"| set | {named} | SEG | AP .5 | .75 | .9 | IoU | merged | split | missed | commit |"
    assert rows[0].startswith("| HeLa | flat 10 % | border | tuned | 2 | 0.700 ± 0.000 | 0.700 | 0.300 ")
    scored = run(0, 128, det=0.9, op_csb=0.8, tra=0.9, lnk=0.8)
    heads, _, *rows = cells.table([scored, run(0, truth="silver"), *whole], "02", set_apart=False)
    assert heads.endswith("| missed | DET | OP_CSB | TRA | LNK | commit |")
    kinds = [row.split(" | ")[2] for row in rows]
    assert kinds == ["whole"] * 2 + ["crops of 128 px"] * 2 + ["whole, silver truth"] * 2
    assert rows[2].endswith("| 0.0 % | 0.900 | 0.800 | 0.900 | 0.800 | 383a3f4 |")
    assert rows[3].endswith("| 0.0 % |  |  |  |  | 383a3f4 |"), "the sequence was decoded as tuned"
    assert list(cells.table(whole, "01", set_apart=False)) == ["*Not measured yet.*"]
