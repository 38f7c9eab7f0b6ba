"""Small image folders that tests write."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("round", "striped")


def picture(kind: str, seed: int, side: int = 48) -> np.ndarray:
    """(side, side, 3) uint8: noisy stripes or a disc, on clouds of H&E-like pink."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.normal(0, 40, (5, 5, 3)).astype(np.float32), (side, side))
    image = clouds + np.array((205, 150, 185), np.float32)
    place = rng.integers(side // 4, 3 * side // 4, 2)
    if kind == "striped":
        rows = (np.arange(side) + int(place[0])) // 4 % 2 == 0
        image[rows] = (120, 70, 150)
    else:
        cv2.circle(image, (int(place[0]), int(place[1])), side // 4, (120, 70, 150), -1)
    return (image + rng.normal(0, 12, image.shape)).clip(0, 255).astype(np.uint8)


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def write_folder(root: Path, per_class: int = 20, side: int = 48) -> Path:
    """A folder per class with lossless pictures, no two alike."""
    for number, kind in enumerate(CLASSES):
        for index in range(per_class):
            seed = 1000 * number + index
            write_png(root / kind / f"{index:02d}.png", picture(kind, seed, side))
    return root


def write_manifest(root: Path, rows: list[dict[str, str]]) -> None:
    names = list(rows[0])
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
