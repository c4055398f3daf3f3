"""Files that are no TIFF and no PNG: each is named by its first bytes, and nothing is waited for."""

import os
import socket
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from image_readers import refused

FOREIGN = {
    "CZI": (b"ZISRAWFILE".ljust(600, b"\0"), "is a CZI file of Zeiss: export it as OME-TIFF, from the microscope's"),
    "ND2": (b"\xda\xce\xbe\x0a" + bytes(600), "is an ND2 file of Nikon: export it as OME-TIFF"),
    "LIF": (b"\x70\0\0\0" + bytes(600), "is a LIF file of Leica: export it as OME-TIFF"),
    "OIB": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is a file in .* .OIB, ZVI, .*: export it as OME-TIFF"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(600), "is an HDF5 file .*: export it as OME-TIFF"),
    "JPEG": (imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint8)), "is a JPEG, which changes pixel values: use the"),
    "JPEG 2000": (imagecodecs.jpeg2k_encode(np.zeros((8, 8), np.uint8)), "is a JPEG 2000 image"),
    "JPEG XL": (imagecodecs.jpegxl_encode(np.zeros((8, 8), np.uint8)), "is a JPEG XL image"),
    "BMP": (imagecodecs.bmp_encode(np.zeros((8, 8), np.uint8)), "is a BMP: save it as TIFF or PNG"),
    "GIF": (imagecodecs.gif_encode(np.zeros((8, 8), np.uint8)), "is a GIF: save it as TIFF or PNG"),
    "WebP": (imagecodecs.webp_encode(np.zeros((8, 8, 3), np.uint8)), "is a WebP image: use the original"),
    "DICOM": (bytes(128) + b"DICM" + bytes(90), "is a DICOM file: export it as OME-TIFF"),
    "NIfTI": (b"\\\x01\0\0" + bytes(340) + b"n+1\0", "is a NIfTI file: export it as OME-TIFF"),
    "packed NIfTI": (b"\x1f\x8b\x08\0" + bytes(90), "is a file packed with gzip: unpack it"),
    "NumPy": (b"\x93NUMPY\x01\0" + bytes(90), "is a NumPy array: save it with tifffile.imwrite"),
    "zip": (b"PK\3\4" + bytes(90), "is a zip archive: unpack it; if it is a Zarr"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS.*git lfs pull"),
    "AppleDouble": (b"\0\5\x16\7" + bytes(90), "is what macOS keeps beside a file"),
    "text": (b"label begin end parent", "is neither TIFF nor PNG: export it as OME-TIFF, or save it as TIFF or PNG"),
    "nothing": (b"", "is empty"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_another_format_is_named_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    content, message = FOREIGN[name]
    (tmp_path / "image.tif").write_bytes(content)
    refused(tmp_path / "image.tif", rf"image\.tif {message}")


def test_folders_pipes_and_sockets_are_refused_and_never_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    refused(tmp_path / "a.tif", "is a folder: name the files in it")
    (tmp_path / "a.tif" / "zarr.json").touch()
    refused(tmp_path / "a.tif", "is a Zarr: export it as OME-TIFF")
    if not hasattr(os, "mkfifo"):
        return
    os.mkfifo(tmp_path / "pipe.tif")
    refused(tmp_path / "pipe.tif", "is a pipe, a socket or a device")
    here = Path.cwd()
    os.chdir(tmp_path)  # a socket's name is short
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind("socket.tif")
    finally:
        os.chdir(here)
    refused(tmp_path / "socket.tif", "is a pipe, a socket or a device")
