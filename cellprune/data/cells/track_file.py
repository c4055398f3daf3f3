"""A file of tracks held against the images that it is about: they must agree, both ways."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from cellprune.evaluation.tracks import Track


def faults(
    path: Path,
    listed: Mapping[int, Track],
    shown: Mapping[int, Collection[int]],
    frames: Sequence[int],
    *,
    on_disk: Sequence[int] | None = None,
) -> Iterator[str]:
    """Say where a file of tracks and its images disagree; every sentence names the track.

    Args:
        path: the file.
        listed: label -> track, as `ctc.tracks` reads it.
        shown: label -> the frames that show it.
        frames: numbers of the frames that were looked at, rising; of others nothing is said.
        on_disk: numbers of all frames that have an image, rising; None for those that were looked at.
    """
    there = frames if on_disk is None else on_disk
    for label, where in sorted(shown.items()):
        track = listed.get(label)
        if track is None:
            yield f"{path} does not list track {label}, which frame {min(where)} shows"
        elif min(where) < track.begin or max(where) > track.end:
            outside = min(at for at in where if not track.begin <= at <= track.end)
            yield f"{path} lists track {label} for {track.begin} to {track.end}, but frame {outside} shows it"
    for label, track in listed.items():
        lasting = (at for at in frames if track.begin <= at <= track.end)
        if (absent := next((at for at in lasting if at not in shown.get(label, ())), None)) is not None:
            yield f"{path} lists track {label} in frame {absent}, which does not show it"
        elif (lacking := _first_without(track, there)) is not None:
            yield f"{path} lists track {label} in frame {lacking}, which has no image"
        if track.parent and track.parent not in listed:
            yield f"{path} names {track.parent} as parent of track {label}, but does not list it"
        elif track.parent and (end := listed[track.parent].end) >= track.begin:
            yield f"{path} begins track {label} in frame {track.begin}, but its parent {track.parent} ends in {end}"


def _first_without(track: Track, there: Sequence[int]) -> int | None:
    """Give the first frame of a track that has no image; None where all have one."""
    at = bisect_left(there, track.begin)
    lasting = next((n for n, frame in enumerate(there[at:]) if frame != track.begin + n), len(there) - at)
    lacking = track.begin + lasting
    return lacking if lacking <= track.end else None
