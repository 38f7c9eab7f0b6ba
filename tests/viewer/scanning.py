"""A stand-in for the engine's part of reading a whole slide, window by window as a test asks."""

from __future__ import annotations

import numpy as np

from ssmamba.engine.messages import JobDone, ScanBegun, ScanSlide, ScanTiles
from ssmamba.reading.doubts import CODES
from ssmamba.reading.grid import coarse_first, strides_of
from ssmamba.reading.tissue_map import TissueMap
from ssmamba.reading.values import PackedArray, Stamp
from tests.viewer.fakes import FakeEngine

SIDE = 100  # level-0 pixels
SHA256 = "f" * 64
UNSURE, GLASS, FOREIGN = (CODES.index(doubt) for doubt in ("unsure", "glass", "foreign"))


class FakeScan:
    """Answers the newest ``ScanSlide`` of an engine that is patient.

    The grid covers 1000 × 700 px; its last column has no tissue. In the left half the first class
    has .9, in the right half .6, where every window of the last row is unsure, and the window at
    the upper left is foreign.
    """

    rows, columns = 7, 10

    def __init__(self, engine: FakeEngine, sha256: str, side: int = SIDE) -> None:
        self.engine, self.sha256, self.side = engine, sha256, side
        self.request: ScanSlide = engine.of_kind(ScanSlide)[-1]
        found = np.ones((self.rows, self.columns), np.uint8)
        found[:, -1] = 0
        tissue = TissueMap(found, float(SIDE))
        self.kinds = tissue.corrected(self.request.added, self.request.removed).kinds
        wanted = self.kinds == 1
        cells = np.argwhere(wanted).astype(np.int32)
        self.wanted, self.windows = wanted, len(cells)
        known = self.request.known
        taken = set() if known is None else set(map(tuple, known.array.tolist()))
        cells = cells[coarse_first(cells, (0, 0))]
        self.left = np.array([c for c in cells.tolist() if tuple(c) not in taken], np.int32)
        self.left = self.left.reshape(-1, 2)

    def begin(self) -> None:
        self.engine.reply(
            ScanBegun(
                self.request.job, self.request.checkpoint, self.side, float(self.side), self.side,
                self.rows, self.columns, self.windows, PackedArray.of(np.packbits(self.wanted)),
                PackedArray.of(self.kinds), float(SIDE), ("aca", "scc", "n"),
                self.stamp(),
            )
        )  # fmt: skip

    def stamp(self) -> Stamp:
        path = self.request.slide.path
        return Stamp(path, "0" * 64, "", "", self.sha256, "cpu", "torch", 0.5, False, "scan")

    def read(self, most: int = 1000) -> None:
        """Answer some windows, and end the job after the last."""
        cells, self.left = self.left[:most], self.left[most:]
        if not len(cells):
            self.engine.reply(JobDone(self.request.job))
            return
        row, column = cells.T
        first = np.where(column < 5, 0.9, 0.6)
        doubts = np.where(row == self.rows - 1, UNSURE, 0)
        doubts[(row == 0) & (column == 0)] = FOREIGN
        done = self.windows - len(self.left)
        self.engine.reply(
            ScanTiles(
                self.request.job, PackedArray.of(cells),
                PackedArray.of(strides_of(cells).astype(np.uint8)),
                PackedArray.of(np.stack([first, 1 - first, 0 * first], 1).astype(np.float16)),
                PackedArray.of(doubts.astype(np.uint8)), done, self.windows, 12.0, 9.0,
            )
        )  # fmt: skip
        if not len(self.left):
            self.engine.reply(JobDone(self.request.job))
