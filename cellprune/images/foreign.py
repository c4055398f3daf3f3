"""Files that are no TIFF and no PNG, told by how they begin: what each is, and how its images come out of it."""

from pathlib import Path

LONGEST_START = 512  # bytes that are looked at

_EXPORT = "export it as OME-TIFF"
_MICROSCOPE = f"{_EXPORT}, from the microscope's software or from Fiji"
_SAVE = "save it as TIFF or PNG"
_SAVE_ORIGINAL = "use the original, as TIFF or PNG"

# (where, the bytes there, what it is, what to do)
_KNOWN: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"ZISRAWFILE", "a CZI file of Zeiss", _MICROSCOPE),
    (0, b"\xda\xce\xbe\x0a", "an ND2 file of Nikon", _MICROSCOPE),
    (0, b"\x70\0\0\0", "a LIF file of Leica", _MICROSCOPE),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a file in Microsoft's compound format (OIB, ZVI, ...)", _MICROSCOPE),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (Imaris, ilastik, ...)", _EXPORT),
    (0, b"\x93NUMPY", "a NumPy array", "save it with tifffile.imwrite"),
    (0, b"\xff\xd8\xff", "a JPEG, which changes pixel values", _SAVE_ORIGINAL),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 image or an old ND2 file", _EXPORT),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image", _SAVE_ORIGINAL),
    (0, b"\xff\x0a", "a JPEG XL image", _SAVE_ORIGINAL),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL image", _SAVE_ORIGINAL),
    (0, b"GIF8", "a GIF", _SAVE),
    (8, b"WEBP", "a WebP image", _SAVE_ORIGINAL),
    (4, b"ftypavif", "an AVIF image", _SAVE_ORIGINAL),
    (4, b"ftyphei", "a HEIC image", _SAVE_ORIGINAL),
    (4, b"ftyp", "a film", "save its images as TIFF or PNG"),
    (8, b"AVI ", "a film", "save its images as TIFF or PNG"),
    (128, b"DICM", "a DICOM file", _EXPORT),
    (344, b"n+1\0", "a NIfTI file", _EXPORT),
    (344, b"ni1\0", "a NIfTI file", _EXPORT),
    (208, b"MAP ", "an MRC file", _EXPORT),
    (0, b"NRRD", "an NRRD file", _EXPORT),
    (0, b"SIMPLE  =", "a FITS file", _EXPORT),
    (0, b"8BPS", "a Photoshop file", _SAVE),
    (0, b"BM", "a BMP", _SAVE),
    (0, b"%PDF", "a PDF", "use the image that it shows, as TIFF or PNG"),
    (0, b"\x1f\x8b", "a file packed with gzip", "unpack it"),
    (0, b"PK\3\4", "a zip archive", "unpack it; if it is a Zarr or NumPy archive, export it as OME-TIFF"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch it with 'git lfs pull'"),
    (0, b"\0\5\x16\7", "what macOS keeps beside a file (AppleDouble)", "use the file of the same name without '._'"),
    (0, b"<?xml", "a text in XML", _EXPORT),
    (0, b"<!DOCTYPE html", "a page of the web", "download the file itself"),
    (0, b"<html", "a page of the web", "download the file itself"),
)


def refusal(start: bytes) -> str:
    """Say what a file is instead of a TIFF or PNG, and what to do.

    Args:
        start: its first `LONGEST_START` bytes, fewer if there are no more.
    Returns:
        The end of a sentence that begins with the file's name.
    """
    return known(start) or f"is neither TIFF nor PNG: {_EXPORT}, or {_SAVE}"


def known(start: bytes) -> str | None:
    """Say the same of a file of a format that is known; None of another one."""
    for at, mark, what, remedy in _KNOWN:
        if start[at : at + len(mark)].lower() == mark.lower():
            return f"is {what}: {remedy}"
    return None


def refusal_of_folder(path: Path) -> str:
    """Say what a folder under the name of an image is."""
    if any((path / name).exists() for name in (".zgroup", ".zarray", ".zattrs", "zarr.json")):
        return f"is a Zarr: {_EXPORT}"
    return "is a folder: name the files in it"
