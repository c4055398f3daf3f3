"""Searches for the highest ratio as one table and one picture, for docs/results.md, from what is kept of each.

    python benchmarks/searches.py docs/measurements/searches/* --picture docs/pictures/searches.svg

Each folder holds the search.json of a search; `cellprune report` makes a page of the same folders.
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cellprune.report.formatting import difference, ratio
from cellprune.runs import documents
from cellprune.search.forest import forest
from cellprune.search.journal import RESULT
from cellprune.search.table import rows


def main() -> None:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="of searches")
    parser.add_argument("--picture", type=Path, help="every test with its limits, as SVG")
    arguments = parser.parse_args()
    print("\n".join(table(documents.read_json(folder / RESULT) for folder in arguments.folders)))
    if arguments.picture:
        arguments.picture.write_text(forest(rows(arguments.folders)), encoding="utf-8")


def table(answers: Iterable[Mapping[str, Any]]) -> list[str]:
    """Give the rows of a Markdown table, search by search: what it saw, in its order, then what it tested."""
    lines = ["| set, method | removed | judged on | mean difference | limits | verdict |", "|---|---|---|---|---|---|"]
    for answer in answers:
        name = f"{answer['settings']['data']['dataset']}, {answer['settings']['pruning']['method']}"
        judged = [*map(_probe, answer["search"]), *(_test(test, answer["ratio"]) for test in answer["confirmation"])]
        lines += [f"| {'' if place else name} | {cells} |" for place, cells in enumerate(judged)]
    return lines


def _probe(probe: Mapping[str, Any]) -> str:
    mean = probe["hopeless"] or difference(probe["mean"])
    verdict = "may cost nothing" if probe["passes"] else "too much"
    return f"{ratio(probe['ratio'])} | {_on(probe)} (search) | {mean} | | {verdict}"


def _test(test: Mapping[str, Any], found: float | None) -> str:
    mean, lower, upper = (difference(test.get(key)) for key in ("mean", "lower", "upper"))
    verdict = f"**{test['verdict']}**" if test["ratio"] == found else test["verdict"]
    return f"{ratio(test['ratio'])} | {_on(test)} | {mean} | {lower} to {upper} | {verdict}"


def _on(judged: Mapping[str, Any]) -> str:
    return f"{judged['n_frames']} frames, {judged['n_seeds']} seed{'s' * (judged['n_seeds'] != 1)}"


if __name__ == "__main__":
    main()
