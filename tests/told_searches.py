"""What finished searches leave for a table: a search.json with the p-values that a test asks for."""

import json
from pathlib import Path

from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.runs.provenance import Machine, Process
from cellprune.search.frames import Frames
from cellprune.search.look import Look
from cellprune.search.opening import RESULT
from cellprune.search.tell import document
from cellprune.search.tell.answer import Answer, AnsweredLook, Compute, Evidence, Probed
from cellprune.search.tell.words import Words

LIMITS = {"mean": 0.001, "lower": -0.004, "upper": 0.006}


NETWORK = {"score": 0.9, "score_by_trial": [0.9], "hopeless": 0, "parameters": 10, "macs": 9, "bytes": 8,
           "milliseconds": None, "run": "run"}  # fmt: skip


ANSWER = document.content(
    Answer(
        made=Process(started="", command=(), commit=None, versions={}, machine=Machine("", "", None, {})),
        settings=Settings(),
        question=Search(),
        words=Words("weights", "unet, width 4", "IoU", "frames"),
        grid=(0.5,),
        reachable=(0.5,),
        limit="",
        frames=Frames(6, 4, ("01",), (), "f" * 64),
        look=1,
        looks=(AnsweredLook(Look.begun(Search(), 1, (0.5,)), ()),),
        alpha=0.05,
        stopped="",
        verdict="none found",
        ratio=None,
        proposed=None,
        search=(Probed(0.5, False, -0.1, 0.01, Evidence(4, 3, {}, "", (), ())),),
        confirmation=(),
        controls=(),
        controls_missing={},
        networks=(),
        timed_on=None,
        crashes={},
        compute=Compute(1, 0, 0, 1.0, {}),
        model=None,
        model_file=None,
        model_run="",
    )
)


def limits(ratio: float, p_value: float) -> dict:
    return {"ratio": ratio, "verdict": "not worse" if p_value < 0.05 else "undecided", "p_value": p_value} | LIMITS


def look(*tests: dict, alpha: float = 0.05) -> dict:
    return ANSWER["looks"][0] | {"alpha": alpha, "tested": tests}


def search(folder: Path, ratio: float | None, p_values: list[float], **changed: object) -> Path:
    """Leave a search.json with these p-values at 0.5, 0.6, ..."""
    settings = {"pruning": {"method": folder.name, "ratio": 0.5}}
    answer = ANSWER | {
        "settings": Settings.model_validate(settings).model_dump(mode="json"),
        "looks": [look(*(limits(0.5 + 0.1 * step, p) for step, p in enumerate(p_values)))],
        "verdict": "not shown" if ratio is None else "found",
        "ratio": ratio,
        "networks": [NETWORK | {"ratio": at, "control": ""} for at in (0.0, ratio) if at is not None],
    }
    folder.mkdir()
    (folder / RESULT).write_text(json.dumps(answer | changed))
    return folder
