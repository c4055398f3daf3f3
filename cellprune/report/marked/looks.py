"""How each thing looks in a picture of cells: colour, line and shape, so that no reader depends on colour alone.

Colours are from Okabe and Ito's palette (jfly.uni-koeln.de/color), which colour-blind readers tell apart.
"""

from dataclasses import dataclass
from typing import Literal

from cellprune.evaluation.cells import Error

Colour = tuple[int, int, int]
TRUE: Colour = (255, 255, 255)
FOUND: Colour = (0, 158, 115)
UNJUDGED: Colour = (140, 150, 160)
UNKNOWN: Colour = (235, 235, 235)
HALO: Colour = (0, 0, 0)


@dataclass(frozen=True)
class Look:
    """How an error is marked.

    Attributes:
        dash_px: drawn and left out along the outline, in pixels of the picture; None for a whole line.
        shape: of the mark on each cell.
        meaning: in words.
    """

    colour: Colour
    dash_px: tuple[int, int] | None
    shape: Literal["circle", "diamond", "cross", "triangle"]
    meaning: str


# the worst first
LOOKS: dict[Error, Look] = {
    "merged": Look((213, 94, 0), None, "circle", "true cells that share a found cell with others"),
    "missed": Look((230, 159, 0), (4, 5), "cross", "true cells that no found cell covers"),
    "split": Look((204, 121, 167), (9, 4), "diamond", "true cells in which several found cells lie"),
    "extra": Look((86, 180, 233), (14, 4), "triangle", "found cells where no true cell is"),
}
