"""`cellprune score`: anybody's label images, judged cell by cell."""

import json as text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt

from cellprune.cli.terminal import say
from cellprune.wording import many

if TYPE_CHECKING:
    from cellprune.data.score import ScoredFolder

_OF_SEQUENCES = {
    "det": "markers that are found, each by a cell of its own",
    "tra": "the same, and the links between frames, as one price of all corrections",
    "lnk": "links between frames alone",
    "op_csb": "mean of SEG and DET",
    "op_ctb": "mean of SEG and TRA",
}


def score(
    *,
    truth: Path,
    result: Path,
    field_of_interest: NonNegativeInt | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Score label images, of cellprune or of any other program, cell by cell.

    SEG, DET, TRA and LNK are those of the Cell Tracking Challenge. AP is the score of the Data Science Bowl 2018. Every
    image of truth needs a result. TRA and LNK need tracks: man_track.txt in 01_GT/TRA, and res_track.txt of the result.

    Examples:

        cellprune score --truth PhC-C2DH-U373/01_GT --result 01_RES

        cellprune score --truth my-cells/labels --result predicted/labels --json

    Parameters
    ----------
    truth
        Folder of true label images; or truth of the challenge, 01_GT. With 01_GT/SEG the gold frames alone are scored.
    result
        Folder of label images with the same names; or results of the challenge, mask000.tif and so on; or the output
        of predict.
    field_of_interest
        Pixels of the outer band: cells wholly in it do not count. Without it, the band of the data set's card, if the
        truth lies in a folder of its name; else 0.
    json
        Print the scores, with the counts of every image, as one JSON object.
    """
    from cellprune.cli.progress import phase
    from cellprune.data.score import score as scores_of
    from cellprune.runs.documents import plain

    with phase(f"scoring {result}", after_s=1):
        scored = scores_of(truth, result, field_of_interest_px=field_of_interest)
    if json:
        print(text.dumps(plain(scored)))
    else:
        say(*_told(scored))


def _told(scored: "ScoredFolder") -> list[str]:
    from cellprune.report.cells import found_of_true, rows

    judged = [many(len(scored.images), "image")] + (
        [many(len(scored.markers), "frame") + " with markers"] if scored.markers else []
    )
    lines = [f"{scored.result}, judged by {scored.truth}: {', '.join(judged)}", found_of_true(scored.total)]
    lines += [f"{row.label:16}{row.value:23} {row.meaning}" for row in rows(scored.total)]
    for name, meaning in _OF_SEQUENCES.items():
        if (value := scored.scores[name]) is not None:
            lines.append(f"{name.upper():16}{value:<24.4f}{meaning}")
    if scored.field_of_interest_px:
        lines.append(
            f"note: cells wholly in the outer {scored.field_of_interest_px} px do not count (--field-of-interest)"
        )
    return [*lines, *(f"note: {note}" for note in scored.notes)]
