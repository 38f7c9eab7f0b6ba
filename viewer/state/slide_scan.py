"""What a model said to the windows of a whole slide, as far as they are read; no Qt.

Windows are numbered row by row over the grid. Those that are read first stand for their neighbours
on the slide until these are read; areas, regions and values count what is read alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ssmamba.checkpoints.card import ClassInfo
from ssmamba.engine.messages import ScanBegun
from ssmamba.explain.colormaps import lookup_table
from ssmamba.reading.doubts import CODES, ORDER, doubt_text
from ssmamba.reading.values import NO_CLASS, Doubt, PackedArray, Stamp
from viewer.state.library import Model
from viewer.state.tissue_correction import Correction

STEPS = 200  # of the values that colours and the threshold tell apart, 0..1
UNREAD = 255  # in place of a doubt
CLEAR, UNSURE, FOREIGN, VALUES = range(4)  # colours: none, two of doubt, then those of the values
DOUBT_COLORS: dict[Doubt, tuple[int, int, int]] = {
    "unsure": (158, 158, 158), "partial": (158, 158, 158), "foreign": (92, 92, 104),
}  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """What the size of a window on the slide depends on, apart from the model."""

    mpp: float | None  # µm per level-0 pixel, the user's or the slide's
    field_px: float | None  # as the user set it


@dataclass(frozen=True)
class ScanHead:
    """What is known before the first window."""

    model_name: str
    model_sha256: str  # of the checkpoint's file
    model_path: str
    classes: tuple[ClassInfo, ...]  # in the order of the probabilities
    scale: Scale
    side: int  # of a window, level-0 pixels
    step: int  # from a window to its neighbour
    rows: int
    columns: int
    windows: int  # with tissue
    wanted: PackedArray  # bits of rows × columns: which those are
    stamp: Stamp
    notes: tuple[str, ...] = ()
    correction: Correction = field(default_factory=Correction)  # of the tissue, by a person
    tissue: PackedArray | None = None  # (H, W) uint8 as in ScanBegun, corrected; None = not kept
    tissue_scale: float = 1.0  # level-0 pixels per pixel of it

    @classmethod
    def of(cls, begun: ScanBegun, model: Model, scale: Scale, correction: Correction) -> ScanHead:
        sha256 = begun.stamp.checkpoint_sha256
        return cls(
            model.name, sha256, model.path, model.card.classes, scale, begun.side, begun.step,
            begun.rows, begun.columns, begun.windows, begun.wanted, begun.stamp, begun.notes,
            correction, begun.tissue, begun.tissue_scale,
        )  # fmt: skip

    def is_alike(self, other: ScanHead) -> bool:
        """Whether the windows, and what is said to them, are the same."""
        own, others = (
            (head.wanted, head.correction, head.tissue, head.tissue_scale) for head in (self, other)
        )
        return self.is_on_grid_of(other) and own == others

    def is_on_grid_of(self, other: ScanHead) -> bool:
        """Whether the same is said to a window of both; which are read may differ."""
        return self._meaning == other._meaning

    @property
    def _meaning(self) -> tuple[object, ...]:
        keys = tuple(info.key for info in self.classes)
        return (
            self.model_sha256, keys, self.scale, self.side, self.step, self.rows, self.columns,
            self.stamp.icc,
        )  # fmt: skip


@dataclass(frozen=True)
class ScanLook:
    """How a scan is shown."""

    target: str = ""  # class key; "" = each window in the colour of its likeliest class
    threshold: int = 0  # 0..STEPS; windows with less are not shown
    opacity: float = 0.6
    colormap: str = "viridis"
    smooth: bool = False
    visible: bool = True
    tissue: bool = False  # what does not count as tissue is shaded


@dataclass(frozen=True)
class Answer:
    """What is known of one window."""

    values: tuple[tuple[ClassInfo, float], ...] | None  # of each class, 0..1; None = not read yet
    doubt: Doubt = ""

    @property
    def names_class(self) -> bool:
        return self.doubt not in NO_CLASS


@dataclass(frozen=True)
class Area:
    """The windows of one class that are sure, or of one doubt."""

    key: str
    name: str
    color: tuple[int, int, int] | None  # None: not painted
    is_doubt: bool
    windows: int
    share: float  # of the windows that are read
    px2: float  # level-0 pixels, squared


class ScanMap:
    """The answers to the windows of one slide by one model."""

    def __init__(self, head: ScanHead) -> None:
        count = head.rows * head.columns
        self.head = head
        self.wanted = np.unpackbits(head.wanted.array, count=count).astype(bool)
        self.probabilities = np.zeros((count, len(head.classes)), np.float16)
        self.doubts = np.full(count, UNREAD, np.uint8)
        self.strides = np.zeros(count, np.uint8)  # of those that are read
        self.done = 0  # windows that are read, of those that are wanted
        self._levels = np.zeros((count, len(head.classes)), np.uint8)  # 0..STEPS
        self._top = np.zeros(count, np.uint8)  # number of the likeliest class
        self._shown = np.full(count, -1, np.int32)  # which window stands for each; -1 = none
        self._stride = np.full(count, 255, np.uint8)  # of that one
        self._classes = np.zeros(len(head.classes), np.int64)  # windows that are sure
        self._doubts = np.zeros(len(CODES), np.int64)

    def under(self, head: ScanHead) -> ScanMap:
        """The same answers where other windows count; ``head`` must be on this grid.

        As ``put`` would, for millions at once: the engine's strides are those of nested grids.
        """
        made = ScanMap(head)
        for name in ("probabilities", "doubts", "strides", "_levels", "_top"):
            setattr(made, name, getattr(self, name).copy())
        read = (made.doubts != UNREAD) & made.wanted
        made.done = int(read.sum())
        sure = made._top[read & (made.doubts == 0)]
        made._classes = np.bincount(sure, minlength=len(head.classes))
        made._doubts = np.bincount(made.doubts[read], minlength=len(CODES))
        for stride in sorted(set(np.unique(made.strides[read]).tolist()), reverse=True):
            made._lay(read & (made.strides == stride), stride)
        return made

    def _lay(self, able: np.ndarray, stride: int) -> None:
        """Let windows of one nested grid stand for their neighbours, in place of coarser ones."""
        shape = rows, columns = self.head.rows, self.head.columns
        own = np.where(able, np.arange(len(able), dtype=np.int32), -1).reshape(shape)
        spread = own[::stride, ::stride].repeat(stride, 0).repeat(stride, 1)[:rows, :columns]
        places = (spread.reshape(-1) >= 0) & self.wanted
        self._shown[places], self._stride[places] = spread.reshape(-1)[places], stride

    @property
    def complete(self) -> bool:
        return self.done >= self.head.windows

    def put(
        self, cells: np.ndarray, strides: np.ndarray, probabilities: np.ndarray, doubts: np.ndarray
    ) -> np.ndarray:
        """Take answers to N windows; returns the numbers of the windows that look otherwise now.

        cells: (N, 2) of row, column. strides: (N,) of the neighbours that each stands for.
        probabilities: (N, K). doubts: (N,) codes. What is off the grid or read already is left;
        windows that are not wanted are remembered, and neither shown nor counted.
        Raises ValueError for arrays that do not fit.
        """
        head = self.head
        if probabilities.shape != (len(cells), len(head.classes)) or len(doubts) != len(cells):
            raise ValueError("answers that do not fit the scan")
        inside = np.all((cells >= 0) & (cells < (head.rows, head.columns)), axis=1)
        flat = cells[:, 0].astype(np.int64) * head.columns + cells[:, 1]
        inside[inside] = self.doubts[flat[inside]] == UNREAD
        inside &= np.asarray(doubts) < len(CODES)
        first = np.zeros(len(flat), bool)
        first[np.unique(flat, return_index=True)[1]] = True
        inside &= first
        cells, flat, strides = cells[inside], flat[inside], np.asarray(strides)[inside]
        values, codes = np.asarray(probabilities)[inside], np.asarray(doubts)[inside]
        exact = values.astype(np.float32)
        self.probabilities[flat], self.doubts[flat], self.strides[flat] = values, codes, strides
        self._levels[flat] = np.floor(np.nan_to_num(exact).clip(0, 1) * STEPS)
        self._top[flat] = np.nan_to_num(exact).argmax(axis=1)
        counted = self.wanted[flat]
        cells, flat, strides, codes = (v[counted] for v in (cells, flat, strides, codes))
        self.done += len(flat)
        self._classes += np.bincount(self._top[flat[codes == 0]], minlength=len(head.classes))
        self._doubts += np.bincount(codes, minlength=len(CODES))
        changed = [self._spread(cells[strides == s], flat[strides == s], int(s))
                   for s in sorted(set(strides.tolist()), reverse=True)]  # fmt: skip
        return np.concatenate(changed) if changed else np.zeros(0, np.int64)

    def _spread(self, cells: np.ndarray, flat: np.ndarray, stride: int) -> np.ndarray:
        """Let windows stand for those that nothing finer stands for; returns their numbers."""
        down, right = (v.ravel() for v in np.mgrid[:stride, :stride])
        rows, columns = cells[:, :1] + down, cells[:, 1:] + right
        inside = (rows < self.head.rows) & (columns < self.head.columns)
        places = (rows.astype(np.int64) * self.head.columns + columns)[inside]
        source = np.broadcast_to(flat[:, None], rows.shape)[inside]
        free = self.wanted[places] & (self._stride[places] >= stride)
        places = places[free]
        self._shown[places], self._stride[places] = source[free], stride
        return places

    def known(self) -> np.ndarray:
        """Row and column of the windows that were ever read, (N, 2) int32."""
        flat = np.flatnonzero(self.doubts != UNREAD)
        return np.stack(np.divmod(flat, self.head.columns), axis=1).astype(np.int32)

    def picture(self, look: ScanLook, places: np.ndarray | None = None) -> np.ndarray:
        """Colours of windows by their numbers in ``colours``, uint8; places: None = all."""
        shown = self._shown if places is None else self._shown[places]
        own = np.maximum(shown, 0)
        top = self._top[own]
        chosen: np.ndarray | int = top if not look.target else self._number(look.target)
        level = self._levels[own, chosen]
        found = level + VALUES if look.target else top + VALUES
        found = np.where(level < look.threshold, CLEAR, found).astype(np.uint8)
        slots = _SLOTS[self.doubts[own]]
        found = np.where(slots == VALUES, found, slots)
        found[shown < 0] = CLEAR
        return found

    def _number(self, key: str) -> int:
        """Of a class; the first for one that the model does not have."""
        keys = [info.key for info in self.head.classes]
        return keys.index(key) if key in keys else 0

    def colours(self, look: ScanLook) -> np.ndarray:
        """(256, 4) uint8 RGBA of what ``picture`` numbers."""
        table = np.zeros((256, 4), np.uint8)
        table[UNSURE] = (*DOUBT_COLORS["unsure"], 255)
        table[FOREIGN] = (*DOUBT_COLORS["foreign"], 255)
        if look.target:
            steps = np.linspace(0, 255, STEPS + 1).round().astype(int)
            own = lookup_table(look.colormap)[steps]
        else:
            own = np.array([info.color for info in self.head.classes], np.uint8)[: 256 - VALUES]
        table[VALUES : VALUES + len(own), :3], table[VALUES : VALUES + len(own), 3] = own, 255
        return table

    def answer_at(self, x: float, y: float) -> Answer | None:
        """What is known at a place, level-0 pixels; None where no window with tissue is."""
        head = self.head
        row, column = int(y // head.step), int(x // head.step)
        if not (0 <= row < head.rows and 0 <= column < head.columns):
            return None
        flat = row * head.columns + column
        if not self.wanted[flat]:
            return None
        if self.doubts[flat] == UNREAD:
            return Answer(None)
        values = self.probabilities[flat].astype(float).tolist()
        return Answer(tuple(zip(head.classes, values, strict=True)), CODES[self.doubts[flat]])

    def areas(self) -> list[Area]:
        """A record for each class, then one for each doubt that there is, foremost first."""
        counts = {doubt: int(self._doubts[CODES.index(doubt)]) for doubt in ORDER}
        found = [self._area(info.key, info.name, info.color, False, int(count))
                 for info, count in zip(self.head.classes, self._classes, strict=True)]  # fmt: skip
        found += [self._area(doubt, doubt_text(doubt), DOUBT_COLORS.get(doubt), True, count)
                  for doubt, count in counts.items() if count]  # fmt: skip
        return found

    def _area(
        self, key: str, name: str, color: tuple[int, int, int] | None, is_doubt: bool, count: int
    ) -> Area:
        share, px2 = count / max(1, self.done), float(count) * self.head.step**2
        return Area(key, name, color, is_doubt, count, share, px2)

    def chosen(self, look: ScanLook) -> list[tuple[ClassInfo, np.ndarray]]:
        """Squares of the windows that are shown in a class's colour and sure, by class.

        (N, 4) float64 of left, top, right, bottom, level-0 pixels; neighbours in a row are one.
        """
        sure, found = (self.doubts == 0) & self.wanted, []
        for number, info in enumerate(self.head.classes):
            if look.target and info.key != look.target:
                continue
            able = sure & (self._levels[:, number] >= look.threshold)
            if not look.target:
                able &= self._top == number
            found.append((info, self._runs(able)))
        return found

    def _runs(self, able: np.ndarray) -> np.ndarray:
        """Boxes of windows side by side."""
        head = self.head
        padded = np.zeros((head.rows, head.columns + 2), np.int8)
        padded[:, 1:-1] = able.reshape(head.rows, head.columns)
        edge = np.diff(padded, axis=1)
        (row, first), (_, last) = np.nonzero(edge == 1), np.nonzero(edge == -1)
        beyond = head.side - head.step  # 0: windows do not overlap
        left, right = first * head.step, last * head.step + beyond
        boxes = np.stack([left, row * head.step, right, row * head.step + head.side], axis=1)
        return boxes.astype(np.float64)


def _slots() -> np.ndarray:
    """Colour number of each doubt's code; VALUES for an answer that is sure."""
    own: dict[Doubt, int] = {"": VALUES, "unsure": UNSURE, "partial": UNSURE, "foreign": FOREIGN}
    found = np.full(256, CLEAR, np.uint8)
    found[: len(CODES)] = [own.get(doubt, CLEAR) for doubt in CODES]
    return found


_SLOTS = _slots()
