"""A file of tracks held against the images that it is about: they must agree, both ways."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from cellprune.evaluation.tracks import Track


def faults(
    path: Path,
    listed: Mapping[int, Track],
    shown: Mapping[int, Collection[int]],
    frames: Sequence[int],
    recorded: Sequence[int] = (),
) -> Iterator[str]:
    """Say where a file of tracks and its images disagree; every sentence names the track.

    Args:
        path: the file.
        listed: label -> track, as `ctc.tracks` reads it.
        shown: label -> the frames that show it.
        frames: numbers of the frames that were looked at, rising; of others nothing is said.
        recorded: numbers of frames that the recording has, looked at or not. One that was not, between two that were,
            has lost its image, and tracks would leap over it; before the first and behind the last nothing is said.
    """
    lost = sorted({at for at in recorded if frames[0] < at < frames[-1]} - {*frames}) if frames else []
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
        elif (lacking := next((at for at in lost if track.begin <= at <= track.end), None)) is not None:
            yield f"{path} lists track {label} in frame {lacking}, which has no image"
        if track.parent and track.parent not in listed:
            yield f"{path} names {track.parent} as parent of track {label}, but does not list it"
        elif track.parent and (end := listed[track.parent].end) >= track.begin:
            yield f"{path} begins track {label} in frame {track.begin}, but its parent {track.parent} ends in {end}"


def beyond(path: Path, listed: Mapping[int, Track], last: int) -> Iterator[str]:
    """Say which tracks a file lists in frames behind the last one that has an image."""
    for label, track in sorted(listed.items()):
        if track.end > last:
            yield f"{path} lists track {label} in frame {max(track.begin, last + 1)}, which has no image"
