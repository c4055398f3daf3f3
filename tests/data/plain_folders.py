"""Plain folders of drawn images and labels."""

from pathlib import Path

import imagecodecs
import numpy as np

from .conftest import write

SIZE = (40, 48)


def image(seed: int, channels: int = 1, dtype: str = "uint8") -> np.ndarray:
    """Noise with a bright square; (H, W), or (H, W, C) for several channels."""
    pixels = np.random.default_rng(seed).integers(0, 100, (*SIZE, channels)).astype(dtype)
    pixels[8:20, 8:24] += 100
    return pixels[..., 0] if channels == 1 else pixels


def labels(dtype: str = "uint8") -> np.ndarray:
    drawn = np.zeros(SIZE, dtype)
    drawn[8:20, 8:16], drawn[8:20, 16:24] = 1, 2
    return drawn


def save(path: Path, pixels: np.ndarray) -> Path:
    if path.suffix == ".png":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(imagecodecs.png_encode(pixels))
        return path
    return write(path, pixels, **({"photometric": "rgb"} if pixels.ndim == 3 else {}))


def filled(folder: Path, image_name: str, label_name: str, n: int = 4, channels: int = 1) -> Path:
    for at in range(n):
        save(folder / image_name.format(at), image(at, channels))
        save(folder / label_name.format(at), labels())
    return folder
