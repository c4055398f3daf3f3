"""Tracks compared with those of the truth: TRA and LNK of the Cell Tracking Challenge.

A time-lapse is a graph. Its nodes are the cells of every frame. A link joins a cell with itself in the next frame, or
the last node of a parent with the first node of its child. A link of the result counts only if each of its two cells
covers one marker and no other.

`tra`  1 - min(1, cost / cost of drawing the whole truth), the cost of nodes as in DET:
       10 missed + 1 extra + 5 to split + 1.5 missed links + 1 wrong links + 1 links of the wrong kind
`lnk`  the same of links alone: 1 - min(1, (1.5 missed + 1 wrong + 1 of the wrong kind) / (1.5 true links))

A link of the wrong kind joins the right cells, as parent and child where the truth has one track, or the other way
round. A score without anything to judge is None.

Source: Matula et al. 2015 (10.1371/journal.pone.0144959), for TRA and its weights; Maska et al. 2023
(10.1038/s41592-023-01879-y), for LNK.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cellprune.evaluation.cells import MarkerCount, MatchedMarkers

_MISSED_LINK = 1.5
_NODE = 10

Node = tuple[int, int]  # frame, number of the cell
Link = tuple[Node, Node]


@dataclass(frozen=True)
class Track:
    """A cell from its first to its last frame, as a line of man_track.txt has it; parent 0 is none."""

    label: int
    begin: int
    end: int
    parent: int


@dataclass(frozen=True)
class LinkCount:
    """Links of a time-lapse; see the module for the words."""

    true: int
    missed: int
    wrong: int
    of_wrong_kind: int

    @property
    def cost(self) -> float:
        """The challenge's price of all corrections."""
        return _MISSED_LINK * self.missed + self.wrong + self.of_wrong_kind


def count_links(
    frames: Mapping[int, MatchedMarkers], truth: Mapping[int, Track], result: Mapping[int, Track]
) -> LinkCount:
    """Count the links of a result that are right and wrong.

    Args:
        frames: frame number -> its markers and found cells, rising; of every frame with markers.
        truth, result: label -> track.
    """
    true = dict(_links({at: frame.markers for at, frame in frames.items()}, truth))
    found = _links({at: frame.marker_of for at, frame in frames.items()}, result)
    matched = wrong = of_wrong_kind = 0
    for (first, second), is_birth in found:
        kind = true.get((_marker(frames, first), _marker(frames, second)))
        matched += kind is not None
        wrong += kind is None
        of_wrong_kind += kind is not None and kind != is_birth
    return LinkCount(len(true), len(true) - matched, wrong, of_wrong_kind)


def tra(markers: Sequence[MarkerCount], links: LinkCount) -> float | None:
    """Give TRA of a time-lapse, larger is better; None without any marker."""
    whole = _NODE * sum(frame.markers for frame in markers) + _MISSED_LINK * links.true
    return 1 - min(sum(frame.cost for frame in markers) + links.cost, whole) / whole if whole else None


def lnk(links: LinkCount) -> float | None:
    """Give LNK of a time-lapse, larger is better; None where the truth has no link.

    Example:
        >>> lnk(LinkCount(true=10, missed=1, wrong=1, of_wrong_kind=0))
        0.8333333333333334
    """
    whole = _MISSED_LINK * links.true
    return 1 - min(links.cost, whole) / whole if whole else None


def _links(
    shown: Mapping[int, frozenset[int] | Mapping[int, int]], tracks: Mapping[int, Track]
) -> Iterator[tuple[Link, bool]]:
    """Give each link between cells that are shown, and whether it joins a parent with its child."""
    numbers = list(shown)
    for before, after in itertools.pairwise(numbers):
        for label in shown[before]:
            if label in shown[after]:
                yield ((before, label), (after, label)), False
    for track in tracks.values():
        parent = tracks.get(track.parent)
        if parent and parent.label in shown.get(parent.end, ()) and track.label in shown.get(track.begin, ()):
            yield ((parent.end, parent.label), (track.begin, track.label)), True


def _marker(frames: Mapping[int, MatchedMarkers], node: Node) -> Node:
    frame, found = node
    return frame, frames[frame].marker_of[found]
