"""A slide of a laboratory's own images: held-out ones, each a region of known class."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from ssmamba.errors import DataError
from ssmamba.files import written_whole
from ssmamba.rois.roi import Roi
from ssmamba.slides.decode import decode
from ssmamba.slides.picture import UnreadableImage
from viewer.demo import Demo, Progress
from viewer.demo.held_out import HeldOut, held_out_images
from viewer.text.tr import tr

PER_CLASS = 6
MOST_PIXELS = 120e6  # of all images
GAP = 0.08  # between images, share of the longest side
GLASS = 244
TILE = 256
SMALLEST_SIDE = 1200  # levels are halved until they are no longer than this
STEPS = 20
DESCRIPTION = tr("Held-out images of known class, side by side.")


def ensure_montage(
    folder: Path,
    data: Path,
    models: Sequence[str],
    progress: Progress = lambda done, total: None,
) -> Demo:
    """Return the montage of a data folder; it is made anew when its images have changed.

    models: checkpoints that are to be tried on it. Raises DataError or OSError.
    """
    held = held_out_images(data, models, PER_CLASS)
    name = f"montage-{data.resolve().name}-{_digest(held)}"
    files = Demo(folder / f"{name}.tif", folder / f"{name}.geojson", held.note)
    if files.slide.exists() and files.regions.exists():
        return files
    from ssmamba.rois.geojson import write_rois

    folder.mkdir(parents=True, exist_ok=True)
    progress(0, STEPS)
    picture, rois = lay_out(held, lambda share: progress(round(share * STEPS * 0.6), STEPS))
    with written_whole(files.slide) as partial:
        _write(partial, picture, held.mpp)
        write_rois(files.regions, rois)
    progress(STEPS, STEPS)
    return files


def lay_out(
    held: HeldOut, progress: Callable[[float], None] = lambda share: None
) -> tuple[np.ndarray, list[Roi]]:
    """The picture, (H, W, 3) uint8 RGB with a row for each class, and a region for each image."""
    rows: list[list[tuple[str, Path, np.ndarray]]] = []
    total = sum(len(files) for files in held.by_class.values())
    pixels, done = 0.0, 0
    for key, files in held.by_class.items():
        rows.append([])
        for file in files:
            image = _read(file)
            pixels += image.size / 3
            if pixels > MOST_PIXELS and rows[-1]:
                break  # one of each class is there in any case
            rows[-1].append((key, file, image))
            done += 1
            progress(done / total)
    side = max(max(image.shape[:2]) for row in rows for *_, image in row)
    step = side + max(4, round(GAP * side))
    width = step * max(len(row) for row in rows) + step - side
    picture = np.full((step * len(rows) + step - side, width, 3), GLASS, np.uint8)
    rois = []
    for down, row in enumerate(rows):
        for across, (key, file, image) in enumerate(row):
            x, y = (step - side) + across * step, (step - side) + down * step
            high, wide = image.shape[:2]
            picture[y : y + high, x : x + wide] = image
            rois.append(_region(held, key, file.stem, (x, y, x + wide, y + high)))
    return picture, rois


def _region(held: HeldOut, key: str, name: str, box: tuple[int, int, int, int]) -> Roi:
    left, top, right, bottom = (float(v) for v in box)
    ring = ((left, top), (right, top), (right, bottom), (left, bottom))
    roi = Roi(((ring,),), kind="rectangle", id=f"montage-{key}-{name}", name=name)
    info = held.names.get(key)
    return roi.classified(key, None) if info is None else roi.classified(info.name, info.color)


def _read(file: Path) -> np.ndarray:
    try:
        return decode(file).rgb
    except (UnreadableImage, OSError) as error:
        text = tr("{file} cannot be read ({error}); replace it, or remove it from the folder.")
        raise DataError(text.format(file=file, error=error)) from error


def _digest(held: HeldOut) -> str:
    """Changes with the chosen files, their classes and their scale."""
    record = hashlib.sha256(repr(held.mpp).encode())
    for key, files in held.by_class.items():
        for file in files:
            stat = file.stat()
            info = held.names.get(key)
            record.update(f"{key} {info} {file} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return record.hexdigest()[:12]


def _write(path: Path, picture: np.ndarray, mpp: float | None) -> None:
    """A pyramid without loss: the model must see the very pixels of the images."""
    import tifffile

    with tifffile.TiffWriter(path) as file:
        level, coarser = picture, 1
        while True:
            scale = None if mpp is None else (10_000 / mpp / coarser,) * 2
            file.write(
                level,
                photometric="rgb",
                tile=(TILE, TILE),
                compression="zlib",
                subfiletype=1 if coarser > 1 else 0,
                resolution=scale,
                resolutionunit=None if scale is None else "CENTIMETER",
                metadata=None,
                description=DESCRIPTION if coarser == 1 else None,
            )
            if max(level.shape[:2]) <= SMALLEST_SIDE:
                return
            coarser *= 2
            size = (picture.shape[1] // coarser, picture.shape[0] // coarser)
            level = cv2.resize(level, size, interpolation=cv2.INTER_AREA)
