"""Several searches side by side: k methods or units are k claims, so their p-values are corrected by Holm's rule."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import holm
from cellprune.report.template import render, source
from cellprune.runs import atomic, documents
from cellprune.search.journal import RESULT, RESULT_SCHEMA
from cellprune.search.tell import looks
from cellprune.search.tell.forest import forest

_TEST = ("ratio", "verdict", "mean", "lower", "upper")


def write(path: Path, folders: Sequence[Path], *, left_out: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """Write the page of several searches, and give what it tells: see `rows`.

    Args:
        left_out: searches that have no result yet; the page names them.
    """
    found = rows(folders)
    told = {"rows": found, "confidence": found[0]["confidence"], "figure": source(forest(found)), "left_out": left_out}
    atomic.write_text(path, render("searches.html.jinja", told))
    return found


def rows(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Give each search's answer with the p-value it has among so many.

    Args:
        folders: of searches, finished or not; each counts as a claim.
    Returns:
        Of each: folder, dataset, network, method, unit, measure, margin, confidence, verdict, ratio (None if none),
        p_value, adjusted_p_value, holds (whether the claim stands in this table), scope (what the claim is about),
        tested (of each ratio that was decided on: ratio, verdict, mean, lower and upper limit, and the look that did
        where there are several), and the score and size of the network with the found ratio and of the unpruned one, as
        the last look has them (None where it has none).
    Raises:
        CellpruneError: a folder holds no search, or one of another version, or the searches were asked at several
            confidences.
    """
    answers = [_read(folder / RESULT) for folder in folders]
    confidences = {answer["question"]["confidence"] for answer in answers}
    if len(confidences) > 1:
        told = " and ".join(f"{confidence:g}" for confidence in sorted(confidences))
        raise CellpruneError(f"these searches have --confidence {told}: set those of one confidence together")
    p_values = [p_value(answer) for answer in answers]
    return [
        _row(folder, answer, plain, adjusted)
        for folder, answer, plain, adjusted in zip(folders, answers, p_values, holm(p_values), strict=True)
    ]


def _read(file: Path) -> dict[str, Any]:
    answer = documents.read_json(file)
    if answer.get("schema") != RESULT_SCHEMA:
        raise CellpruneError(f"{file} is no result of this version of cellprune: run its search again with --resume")
    return answer


def p_value(answer: Mapping[str, Any]) -> float:
    """Give the p-value of a search's claim, the highest ratio that any of its looks has shown; 1 where none has.

    Every ratio below it had to pass in the same look, too: the largest p-value counts. It is divided by the look's part
    of the error of all looks, so that one of several looks is wrong no more often than a single one.
    """
    claimed = looks.claimed(answer["looks"])
    if claimed is None:
        return 1.0
    passed = [test["p_value"] for test in _tests(answer, claimed["look"]) if test["ratio"] <= claimed["ratio"]]
    errors = [look["alpha"] for look in answer["looks"]]
    return float(min(1.0, max(passed) * sum(errors) / errors[claimed["look"] - 1]))


def _tests(answer: Mapping[str, Any], look: int) -> Sequence[Mapping[str, Any]]:
    """Give what a look tested, from 1."""
    tests: Sequence[Mapping[str, Any]] = answer["looks"][look - 1]["tested"]
    return answer["confirmation"] if look == answer["look"] else tests


def _row(folder: Path, answer: Mapping[str, Any], plain: float, adjusted: float) -> dict[str, Any]:
    question, words, claimed = answer["question"], answer["words"], looks.claimed(answer["looks"])
    ratio = claimed["ratio"] if claimed else None
    networks = {network["ratio"]: network for network in answer["networks"] if not network["control"]}
    return {
        "folder": str(folder),
        "dataset": answer["settings"]["data"]["dataset"],
        "network": words["network"],
        "method": answer["settings"]["pruning"]["method"],
        "unit": words["unit"],
        "measure": words["measure"],
        "margin": question["margin"],
        "confidence": question["confidence"],
        "verdict": "found" if claimed else answer["verdict"],
        "ratio": ratio,
        "p_value": plain,
        "adjusted_p_value": adjusted,
        "holds": adjusted < 1 - question["confidence"],
        "scope": answer["sentences"]["scope"],
        "tested": [
            {key: test[key] for key in _TEST} | {"look": look if len(answer["looks"]) > 1 else None}
            for look in range(1, len(answer["looks"]) + 1)
            for test in _tests(answer, look)
            if test.get("mean") is not None
        ],
        "pruned": networks.get(ratio),
        "unpruned": networks.get(0.0),
    }
