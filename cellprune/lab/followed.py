"""A recording whose cells are linked: what tables, images and graphs of its tracks are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprune.lab.linking import Tracks
from cellprune.lab.recordings import Recording
from cellprune.lab.scale import Scale


@dataclass(frozen=True)
class Summary:
    """What came of a recording.

    Attributes:
        sequence: its name.
        frames: its label images.
        missing_frames: numbers between the first and the last frame without one.
        tracks, divisions: their numbers.
        max_distance_px, max_gap: the reach.
    """

    sequence: str
    frames: int
    missing_frames: list[int]
    tracks: int
    divisions: int
    max_distance_px: float
    max_gap: int


@dataclass(frozen=True)
class Followed:
    """A recording whose cells are linked.

    Attributes:
        pixel_size_um: (y, x); None when unknown.
    """

    recording: Recording
    tracks: Tracks
    pixel_size_um: Scale | None

    @property
    def n_tracks(self) -> int:
        """Tracks of the recording."""
        return max((int(tracks.max()) for tracks in self.tracks.track_of if len(tracks)), default=0)

    @property
    def summary(self) -> Summary:
        """What is told of it."""
        recording, reach = self.recording, self.tracks.reach
        return Summary(
            recording.name, len(recording.images), recording.missing, self.n_tracks,
            len(set(self.tracks.parent_of.values())), round(reach.max_distance_px, 3), reach.max_gap,
        )  # fmt: skip

    def numbers(self) -> list[NDArray[np.int64]]:
        """Give for each frame, by label: the track, 0 where no cell has the label."""
        made = []
        for cells, tracks in zip(self.tracks.frames, self.tracks.track_of, strict=True):
            made.append(np.zeros(int(cells.labels.max(initial=0)) + 1, np.int64))
            made[-1][cells.labels] = tracks
        return made
