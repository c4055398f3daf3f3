"""Searches for the highest ratio as one table and one picture, for docs/results/searches.md, from what is kept of each.

    python benchmarks/searches.py docs/measurements/searches/* --picture docs/pictures/searches.svg

Each folder holds the search.json of a search; `cellprune report` makes a page of the same folders.
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cellprune.report.formatting import difference, ratio
from cellprune.runs import documents
from cellprune.search.journal import RESULT
from cellprune.search.tell import looks
from cellprune.search.tell.forest import forest
from cellprune.search.tell.table import rows


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
    """Give the rows of a Markdown table, search by search: earlier looks, what it saw, in its order, what it tested."""
    lines = ["| set, method | removed | judged on | mean difference | limits | verdict |", "|---|---|---|---|---|---|"]
    for answer in answers:
        settings, unit = answer["settings"], answer["words"]["unit"]
        name = f"{settings['data']['dataset']}, {settings['pruning']['method']}{f', {unit}' * (unit != 'weights')}"
        *earlier, _ = answer["looks"]
        claim, on_look = looks.claimed(answer["looks"]), f" (look {answer['look']})" * bool(earlier)
        before = [_test(test, f"look {n}", n, claim) for n, look in enumerate(earlier, 1) for test in look["tested"]]
        tests = [_test(test, f"{_on(test)}{on_look}", answer["look"], claim) for test in answer["confirmation"]]
        judged = [*before, *map(_probe, answer["search"]), *tests]
        lines += [f"| {'' if place else name} | {cells} |" for place, cells in enumerate(judged)]
    return lines


def _probe(probe: Mapping[str, Any]) -> str:
    mean = probe["hopeless"] or difference(probe["mean"])
    verdict = "may cost nothing" if probe["passes"] else "too much"
    return f"{ratio(probe['ratio'])} | {_on(probe)} (search) | {mean} | | {verdict}"


def _test(test: Mapping[str, Any], judged_on: str, look: int, claim: Mapping[str, Any] | None) -> str:
    mean, lower, upper = (difference(test.get(key)) for key in ("mean", "lower", "upper"))
    bold = "**" if claim == {"ratio": test["ratio"], "look": look} else ""
    return f"{ratio(test['ratio'])} | {judged_on} | {mean} | {lower} to {upper} | {bold}{test['verdict']}{bold}"


def _on(judged: Mapping[str, Any]) -> str:
    return f"{judged['n_frames']} frames, {judged['n_seeds']} seed{'s' * (judged['n_seeds'] != 1)}"


if __name__ == "__main__":
    main()
