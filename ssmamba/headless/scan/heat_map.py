"""A slide's answers as a pyramidal OME-TIFF: one pixel a window, one channel a class."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ssmamba.files import written_whole
from ssmamba.headless.scan.result import SlideScan
from ssmamba.headless.scan.tiles import NAMESPACE

TILE_PX = 256
SMALLEST_PX = 128  # longer side of the last level
DOUBT_CHANNEL = "Doubt"


def write_heat_map(path: Path, scan: SlideScan) -> None:
    """Write float32 probabilities, NaN where nothing was read or no class may be named.

    The last channel holds the code of the doubt (``ssmamba.reading.doubts.CODES``), 0 where the
    answer is sure. The pixel size is that of the grid's step, µm. Raises OSError.
    """
    names = [*(info.name for info in scan.card.classes), DOUBT_CHANNEL]
    planes = _planes(scan)
    metadata: dict[str, Any] = {
        "axes": "CYX",
        "Channel": {"Name": names},
        "UUID": f"urn:uuid:{uuid.uuid5(NAMESPACE, scan.slide_hash + scan.model_sha256)}",
    }
    mpp, step = scan.plan.slide_mpp, scan.plan.grid.step
    if mpp is not None:
        size = {f"PhysicalSize{axis}": step * mpp for axis in "XY"}
        metadata |= size | {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    levels = [planes]
    while max(levels[-1].shape[1:]) > SMALLEST_PX:
        levels.append(_halved(levels[-1]))
    with written_whole(path) as partial, tifffile.TiffWriter(partial, ome=True) as file:
        for number, level in enumerate(levels):
            file.write(
                level,
                subifds=len(levels) - 1 if number == 0 else None,
                subfiletype=1 if number else 0,
                photometric="minisblack",
                tile=(TILE_PX, TILE_PX),
                compression="zlib",
                metadata=metadata if number == 0 else None,
            )


def _planes(scan: SlideScan) -> np.ndarray:
    """(K + 1, rows, columns) float32."""
    grid, classes = scan.plan.grid, scan.probabilities.shape[1]
    planes = np.full((classes + 1, grid.rows, grid.columns), np.nan, np.float32)
    row, column = scan.cells.T
    shown = np.where(scan.names_class[:, None], scan.probabilities, np.nan)
    planes[:-1, row, column] = shown.T
    planes[-1, row, column] = scan.doubts
    return planes


def _halved(planes: np.ndarray) -> np.ndarray:
    """Half the size: means of what is known in 2 × 2, and of the doubts the largest code."""
    channels, rows, columns = planes.shape
    padded = np.full((channels, rows + rows % 2, columns + columns % 2), np.nan, np.float32)
    padded[:, :rows, :columns] = planes
    blocks = padded.reshape(channels, padded.shape[1] // 2, 2, padded.shape[2] // 2, 2)
    known = np.isfinite(blocks)
    count = known.sum(axis=(2, 4))
    total = np.where(known, blocks, 0).sum(axis=(2, 4))
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    largest = np.where(known, blocks, -1)[-1].max(axis=(1, 3))
    means[-1] = np.where(count[-1] > 0, largest, np.nan)
    return means.astype(np.float32)
