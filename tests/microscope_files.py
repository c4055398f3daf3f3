"""Tiny files of microscopes: CZI by Zeiss's own library, ND2 and LIF by hand, since nothing else writes them."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_czi(
    path: Path,
    scenes: Sequence[NDArray],
    names: Sequence[str],
    um: tuple[float, float],
    *,
    first: tuple[int, int, int] = (0, 0, 0),
) -> Path:
    """Write scenes of (T, Z, C, Y, X), or of (Y, X, 3) in colour, beside each other; `first` numbers of T, Z and C."""
    from pylibCZIrw import czi

    with czi.create_czi(str(path)) as file:
        for at, scene in enumerate(scenes):
            where = {"scene": at, "location": (at * 1000, 0)} if len(scenes) > 1 else {}
            if scene.shape[-1] == 3:
                file.write(scene[..., ::-1], plane={"C": 0}, **where)
                continue
            for t, z, c in np.ndindex(scene.shape[:3]):
                plane = dict(zip("TZC", np.add(first, (t, z, c)).tolist(), strict=True))
                file.write(scene[t, z, c][..., None], plane=plane, **where)
        scale = {"scale_y": um[0] * 1e-6, "scale_x": um[1] * 1e-6} if um else {}
        file.write_metadata("a", channel_names=dict(enumerate(names)), **scale)
    return path


def write_lif(path: Path, images: Mapping[str, tuple[str, NDArray]], um: tuple[float, float]) -> Path:
    """Write images by name, each with its axes, such as TZCYX.

    Source: what liffile 2026.2.16 reads, version 2 of the container.
    """
    elements, blocks = "", b""
    for at, (name, (axes, pixels)) in enumerate(images.items()):
        step, dimensions, channels = pixels.itemsize, "", ""
        for axis, size in reversed([*zip(axes, pixels.shape, strict=True)]):
            if axis == "C":
                channels = "".join(_channel(8 * pixels.itemsize, c * step) for c in range(size))
            else:
                length = {"Y": um[0], "X": um[1]}.get(axis, 1) * (size - 1) * 1e-6
                dimensions += (
                    f'<DimensionDescription DimID="{" XYZT".index(axis)}" NumberOfElements="{size}" Origin="0" '
                    f'Length="{length}" Unit="m" BytesInc="{step}" BitInc="0"/>'
                )
            step *= size
        channels = channels or _channel(8 * pixels.itemsize, 0)
        elements += (
            f'<Element Name="{name}" UniqueID="{at}"><Data><Image><ImageDescription><Channels>{channels}</Channels>'
            f"<Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
            f'<Memory Size="{pixels.nbytes}" MemoryBlockID="MemBlock_{at}"/></Element>'
        )
        key = f"MemBlock_{at}".encode("utf-16-le")
        head = struct.pack("<IIBQBI", 0x70, 14 + len(key), 0x2A, pixels.nbytes, 0x2A, len(key) // 2)
        blocks += head + key + pixels.tobytes()
    words = (
        f'<LMSDataContainerHeader Version="2"><Element Name="a"><Children>{elements}</Children></Element>'
        "</LMSDataContainerHeader>"
    ).encode("utf-16-le")
    path.write_bytes(struct.pack("<IIBI", 0x70, 5 + len(words), 0x2A, len(words) // 2) + words + blocks)
    return path


def _channel(bits: int, begin: int) -> str:
    return (
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{bits}" NameOfMeasuredQuantity="" Min="0" '
        f'Max="1" Unit="" LUTName="Grey" IsLUTInverted="0" BytesInc="{begin}" BitInc="0"/>'
    )


def write_nd2(path: Path, pixels: NDArray, names: Sequence[str], um: float | None, *, positions: int = 1) -> Path:
    """Write (P x T, Z, C, Y, X), the positions outermost.

    Source: what nd2 0.12 reads, version 3.0 of the container.
    """
    moments = pixels.shape[0] // positions
    _, n_slices, n_channels, height, width = pixels.shape
    loops: list[dict[str, object]] = [
        {"eType": 2, "uLoopPars": {"Points": {f"i{n:010}": {"dPosX": float(n)} for n in range(positions)}}},
        {"eType": 1, "uLoopPars": {"uiCount": moments, "dStart": 0.0, "dPeriod": 1.0, "dDuration": 1.0}},
        {"eType": 4, "uLoopPars": {"uiCount": n_slices, "dZStep": 1.0}},
    ]
    experiment: dict[str, object] = {}
    for loop in reversed(loops):
        experiment = loop | ({"ppNextLevelEx": {"i0000000000": experiment}} if experiment else {})
    planes = {
        f"a{at}": {"sDescription": name, "uiCompCount": 1, "pFluorescentProbe": {"m_sName": name}}
        for at, name in enumerate(names)
    }
    said = {
        "ImageAttributesLV!": {"SLxImageAttributes": {
            "uiWidth": width, "uiWidthBytes": width * n_channels * 2, "uiHeight": height, "uiComp": n_channels,
            "uiBpcInMemory": 16, "uiBpcSignificant": 16, "uiSequenceCount": pixels.shape[0] * n_slices,
        }},
        "ImageMetadataLV!": {"SLxExperiment": experiment},
        "ImageMetadataSeqLV|0!": {"SLxPictureMetadata": {
            "bCalibrated": um is not None, "dCalibration": um or 1.0,
            "sPicturePlanes": {"uiCount": n_channels, "sPlaneNew": planes},
        }},
    }  # fmt: skip
    chunks = {name: _lite(words) for name, words in said.items()}
    frames = pixels.reshape(-1, n_channels, height, width)
    chunks |= {
        f"ImageDataSeq|{at}!": bytes(8) + np.moveaxis(one, 0, -1).astype("<u2").tobytes()
        for at, one in enumerate(frames)
    }
    content = struct.pack("<IIQ32s64s", 0x0ABECEDA, 32, 64, b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0")
    places = b""
    for name, data in chunks.items():
        places += name.encode() + struct.pack("<QQ", len(content), len(data))
        content += struct.pack("<IIQ", 0x0ABECEDA, 4072, len(data)) + name.encode().ljust(4072, b"\0") + data
    end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(content))
    head = struct.pack("<IIQ32s", 0x0ABECEDA, 32, len(places) + 40, b"ND2 FILEMAP SIGNATURE NAME 0001!")
    path.write_bytes(content + head + places + end)
    return path


def _lite(words: Mapping[str, object]) -> bytes:
    """Pack nested words as Nikon does: kind, length of the name, name, value."""
    packed = b""
    for name, value in words.items():
        key = f"{name}\0".encode("utf-16-le")
        if isinstance(value, dict):
            kind, data = 11, _level(len(key), value)
        elif isinstance(value, str):
            kind, data = 8, f"{value}\0".encode("utf-16-le")
        else:
            number = {bool: "?", int: "I", float: "d"}[type(value)]
            kind, data = {"?": 1, "I": 3, "d": 6}[number], struct.pack(f"<{number}", value)
        packed += bytes([kind, len(key) // 2]) + key + data
    return packed


def _level(n_key: int, words: Mapping[str, object]) -> bytes:
    inside = _lite(words)
    return struct.pack("<IQ", len(words), 2 + n_key + 12 + len(inside)) + inside + bytes(8 * len(words))
