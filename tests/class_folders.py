"""Folders of images of classes as they lie on a disk, drawn from a seed: every shape that is understood."""

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("n01", "n02", "n03")
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200))


def picture(path: Path, number: int, size: tuple[int, int] = (16, 16), seed: int = 0, mode: str = "RGB") -> Path:
    """Save an image of a class, which has its colour beneath noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([number, seed, *path.name.encode()]).integers(0, 50, (*size, 3))
    image = Image.fromarray((np.array(COLOURS[number]) + noise).astype(np.uint8)).convert(mode)
    image.save(path, quality=95) if path.suffix.lower() in (".jpg", ".jpeg") else image.save(path)
    return path


def parts(folder: Path, n_train: int = 4, n_test: int = 2, size: tuple[int, int] = (16, 16)) -> Path:
    """Write train/CLASS/IMAGE and val/CLASS/IMAGE."""
    for part, n in (("train", n_train), ("val", n_test)):
        for number, name in enumerate(NAMES):
            for at in range(n):
                picture(folder / part / name / f"{name}_{at}.JPEG", number, size, seed=len(part))
    return folder


def tree(folder: Path, n: int = 10) -> Path:
    """Write CLASS/IMAGE."""
    for number, name in enumerate(NAMES):
        for at in range(n):
            picture(folder / name / f"{at}.png", number)
    return folder


def tiny(folder: Path) -> Path:
    """Write what the archive of TinyImageNet holds."""
    at = folder / "tiny-imagenet-200"
    rows = []
    for number, name in enumerate(NAMES):
        for image in range(4):
            picture(at / "train" / name / "images" / f"{name}_{image}.JPEG", number)
        (at / "train" / name / f"{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t0\t9\t9\n")
        for image in range(2):
            own = f"val_{2 * number + image}.JPEG"
            picture(at / "val" / "images" / own, number)
            rows.append(f"{own}\t{name}\t0\t0\t9\t9\n")
    picture(at / "test" / "images" / "test_0.JPEG", 0)
    (at / "val" / "val_annotations.txt").write_text("".join(rows))
    (at / "wnids.txt").write_text("".join(f"{name}\n" for name in NAMES))
    return at


def zipped(folder: Path, path: Path) -> Path:
    """Pack a folder under its name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                packed.write(file, file.relative_to(folder.parent))
    return path
