"""Label images linked by laptrack, written as `cellprune track` writes them, for `cellprune score` to judge both alike.

In an environment with both: `pip install laptrack==0.17.1 -e .`

    python benchmarks/peers/laptrack_links.py LABELS -o FOLDER --splitting 0.7

Centroids are linked by laptrack's usual squared distance. Its cutoffs are the square of the reach that cellprune takes
from the cells; for a gap twice that. `--splitting` is how far a daughter may lie, as a share of it; 0 finds no
divisions.
"""

import argparse
from pathlib import Path

import numpy as np
from laptrack import LapTrack

from cellprune.lab import tracks
from cellprune.lab.followed import Followed
from cellprune.lab.linking import Reach, Tracks, measured, usual_distance_px
from cellprune.lab.recordings import Recording, recordings

MAX_GAP = 2


def linked(recording: Recording, splitting: float) -> Tracks:
    """Link one recording."""
    cells = [measured(frame) for frame in recording.frames]
    reach_px = usual_distance_px(cells)
    tracker = LapTrack(
        cutoff=reach_px**2, gap_closing_cutoff=2 * reach_px**2, gap_closing_max_frame_count=MAX_GAP,
        splitting_cutoff=(splitting * reach_px) ** 2 if splitting else False,
    )  # fmt: skip
    next_of: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for edge in tracker.predict([frame.position_px for frame in cells]).edges():
        first, second = sorted(edge)
        next_of.setdefault(first, []).append(second)
    before = {second: first for first, seconds in next_of.items() for second in seconds}
    track_of = [np.zeros(len(frame.labels), np.int64) for frame in cells]
    parent_of: dict[int, int] = {}
    n_tracks = 0
    for at, frame in enumerate(cells):
        for cell in range(len(frame.labels)):
            first = before.get((at, cell))
            if first and len(next_of[first]) == 1:
                track_of[at][cell] = track_of[first[0]][first[1]]
                continue
            n_tracks += 1
            track_of[at][cell] = n_tracks
            if first:
                parent_of[n_tracks] = int(track_of[first[0]][first[1]])
    return Tracks(tuple(cells), tuple(track_of), parent_of, Reach(reach_px, MAX_GAP))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--splitting", type=float, default=0.7)
    asked = parser.parse_args()
    asked.output.mkdir()
    found = [Followed(each, linked(each, asked.splitting), None) for each in recordings(asked.labels)]
    tracks.write(asked.output, found, ctc=True, geff=False)
