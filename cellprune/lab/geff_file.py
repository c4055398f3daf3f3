"""Tracks as a graph for other programs: the graph exchange file format, GEFF."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.lab.followed import Followed


def write(path: Path, followed: Followed) -> None:
    """Write a GEFF: a node per cell and frame with its place, area, label and track; an edge per link.

    Raises:
        ImportError: the package geff is not there.
    Source: the graph exchange file format, version 1.3 (https://liveimagetrackingtools.org/geff).
    """
    from geff.core_io import write_arrays
    from geff_spec import Axis, GeffMetadata, PropMetadata

    tracks = followed.tracks
    counts = [len(frame.labels) for frame in tracks.frames]
    zoom, unit = (followed.pixel_size_um, "micrometer") if followed.pixel_size_um else ((1.0, 1.0), "pixel")
    place = np.concatenate([np.zeros((0, 2)), *(frame.position_px for frame in tracks.frames)]) * zoom
    properties = {
        "t": np.repeat([frame.number for frame in tracks.frames], counts).astype(np.int64),
        "y": place[:, 0],
        "x": place[:, 1],
        "area_px": np.concatenate([np.zeros(0, np.int64), *(frame.area_px for frame in tracks.frames)]),
        "label": np.concatenate([np.zeros(0, np.int64), *(frame.labels for frame in tracks.frames)]),
        "track": np.concatenate([np.zeros(0, np.int64), *tracks.track_of]),
    }
    said = {name: PropMetadata(identifier=name, dtype=str(of.dtype)) for name, of in properties.items()}
    axes = [
        Axis(name="t", type="time", unit="frame"), Axis(name="y", type="space", unit=unit),
        Axis(name="x", type="space", unit=unit),
    ]  # fmt: skip
    write_arrays(
        path,
        np.arange(sum(counts), dtype=np.uint64),
        {name: {"values": values, "missing": None} for name, values in properties.items()},
        np.array(_edges(properties["track"], tracks.parent_of), np.uint64).reshape(-1, 2),
        {},
        GeffMetadata(directed=True, axes=axes, node_props_metadata=said, edge_props_metadata={}),
    )


def _edges(track_of: NDArray[np.int64], parent_of: Mapping[int, int]) -> list[tuple[int, int]]:
    """Give the links between nodes, which are in the order of time."""
    order = np.argsort(track_of, kind="stable").tolist()
    of_track: dict[int, list[int]] = {}
    for node in order:
        of_track.setdefault(int(track_of[node]), []).append(node)
    edges = [edge for nodes in of_track.values() for edge in pairwise(nodes)]
    return edges + [(of_track[parent][-1], of_track[track][0]) for track, parent in parent_of.items()]
