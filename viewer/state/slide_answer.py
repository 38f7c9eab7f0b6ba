"""What a slide model said of the open slide, and how that is laid on it; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ssmamba.checkpoints.card import Card, ClassInfo
from ssmamba.engine.messages import SlideAnswer
from viewer.state.events import Event

Status = Literal["", "asked", "done", "failed"]
Layer = Literal["", "parts", "groups", "tokens"]  # "": nothing lies on the slide
FOR, AGAINST = (213, 94, 0), (0, 114, 178)  # regions that add and that take away
GROUP_COLOURS = 12  # hues of the groups of regions, told apart where they touch
# of likenesses, told apart with any colour vision (Okabe and Ito 2008, light grey for black)
TOKEN_COLOURS = np.array(
    [
        (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167),
        (86, 180, 233), (213, 94, 0), (240, 228, 66), (170, 170, 170),
    ],
    np.uint8,
)  # fmt: skip
MOST_PIXELS = 4_000_000  # of the picture


@dataclass(frozen=True)
class Curve:
    """Steps of a survival curve: ``alive[i]`` from ``times[i]`` on; starts at time 0 with 1."""

    times: tuple[float, ...]
    alive: tuple[float, ...]


@dataclass(frozen=True)
class AnswerLook:
    """How an answer is laid on the slide."""

    layer: Layer = "parts"
    output: int = 0  # whose parts are shown
    opacity: float = 0.6


class Answered:
    """An answer with its model's card."""

    def __init__(self, card: Card, model_name: str, answer: SlideAnswer) -> None:
        self.card, self.model_name, self.answer = card, model_name, answer
        self.windows, self.groups = answer.windows.array, answer.groups.array
        self.values = answer.values.array

    @property
    def is_survival(self) -> bool:
        return self.card.answer.get("question") == "survival"

    @property
    def is_graded(self) -> bool:
        return self.card.answer.get("question") == "grades"

    @property
    def likeliest(self) -> int:
        """Number of the likeliest class; of survival 0."""
        return 0 if self.is_survival else int(self.values.argmax())

    @property
    def classes(self) -> tuple[tuple[ClassInfo, float], ...]:
        """Each class and its probability, in the card's order; () of survival."""
        pairs = zip(self.card.classes, self.values.tolist(), strict=True)
        return () if self.is_survival else tuple(pairs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what regions add to: the classes; "" for the risk of survival."""
        return ("",) if self.is_survival else tuple(self.card.class_names)

    @property
    def group_count(self) -> int:
        return int(self.groups.max()) + 1

    @cached_property
    def edges(self) -> tuple[float, ...]:
        """Ends of the parts of the time axis, but the last, which has none."""
        return tuple(float(edge) for edge in self.card.answer.get("edges", ()))

    @cached_property
    def curve(self) -> Curve:
        """The patient's predicted survival, for as long as the cohort was watched."""
        alive = (1.0, *self.values.tolist())
        last = self.cohort.times[-1] if self.cohort.times else 0.0
        times = (0.0, *self.edges)
        if last > times[-1]:  # the last part of the axis ends with the cohort's
            return Curve((*times, last), alive)
        return Curve(times, alive[: len(times)])

    @cached_property
    def cohort(self) -> Curve:
        """Kaplan and Meier's curve of the patients of training."""
        known = self.card.answer.get("kaplan_meier", {})
        times, alive = known.get("times", ()), known.get("alive", ())
        if len(times) != len(alive):
            return Curve((), ())
        return Curve(tuple(map(float, times)), tuple(map(float, alive)))

    def parts(self, output: int) -> np.ndarray:
        """(N,) float64: what each region adds, in logits.

        Of a class against the mean of all classes, as only differences of logits count; of
        survival to the hazards of all parts of the time axis together.
        """
        parts = self.answer.parts.array
        return parts.sum(1) if self.is_survival else parts[:, output] - parts.mean(1)

    def region_at(self, x: float, y: float) -> int | None:
        """Number of the region at a place, level-0 pixels."""
        left, top, side = self.windows.T
        inside = (left <= x) & (x < left + side) & (top <= y) & (y < top + side)
        found = np.flatnonzero(inside)
        return int(found[0]) if len(found) else None

    def alike(self, region: int) -> np.ndarray:
        """Squares of the regions that were fused with one, itself included, (n, 3)."""
        return self.windows[self.groups == self.groups[region]]

    def picture(
        self, look: AnswerLook
    ) -> tuple[np.ndarray, tuple[float, float, float, float]] | None:
        """(H, W, 4) uint8 RGBA and where it lies, level-0 pixels; None without a layer."""
        if not look.layer:
            return None
        side = float(self.windows[0, 2])
        first = self.windows[:, :2].min(0)
        cells = ((self.windows[:, :2] - first) / side).round().astype(int)
        columns, rows = (cells.max(0) + 1).tolist()
        right, bottom = first[0] + columns * side, first[1] + rows * side
        place = (float(first[0]), float(first[1]), float(right), float(bottom))
        colours = self._token_colours() if look.layer == "tokens" else self._region_colours(look)
        height, width = colours.shape[1:3]
        if rows * height * columns * width > MOST_PIXELS:
            colours, height, width = colours[:, :1, :1], 1, 1
        canvas = np.zeros((rows, height, columns, width, 4), np.uint8)
        canvas[cells[:, 1], :, cells[:, 0]] = colours
        return canvas.reshape(rows * height, columns * width, 4), place

    def _token_colours(self) -> np.ndarray:
        """(N, h, w, 4) uint8."""
        numbers = self.answer.tokens.array
        rgb = TOKEN_COLOURS[(numbers.astype(int) - 1) % len(TOKEN_COLOURS)]
        return np.concatenate([rgb, np.full((*numbers.shape, 1), 255, np.uint8)], axis=3)

    def _region_colours(self, look: AnswerLook) -> np.ndarray:
        """(N, 1, 1, 4) uint8."""
        rgba = np.full((len(self.windows), 4), 255, np.uint8)
        if look.layer == "groups":
            rgba[:, :3] = _hues(GROUP_COLOURS)[self.groups % GROUP_COLOURS]
        else:
            parts = self.parts(look.output)
            most = float(abs(parts).max()) or 1.0
            rgba[:, :3] = np.where(parts[:, None] > 0, FOR, AGAINST)
            rgba[:, 3] = (abs(parts) / most * 255).round()
        return rgba[:, None, None]


class SlideAnswers:
    """The answer to the open slide, if there is one, and how far it is."""

    def __init__(self) -> None:
        self.changed = Event()
        self.progressed = Event()
        self.found: Answered | None = None
        self.status: Status = ""
        self.share = 0.0  # of the work, 0..1
        self.left_s = 0.0
        self.why = ""  # it failed
        self.outdated = False  # the scale was changed since
        self.look = AnswerLook()

    def begin(self) -> None:
        """Something is asked; what was said before stays until the answer comes."""
        self.status, self.share, self.left_s, self.why = "asked", 0.0, 0.0, ""
        self.changed.emit()

    def progress(self, share: float, left_s: float) -> None:
        self.share, self.left_s = share, left_s
        self.progressed.emit()

    def put(self, found: Answered, outdated: bool = False, status: Status = "done") -> None:
        """Show an answer. status: "asked" while another one is still waited for."""
        self.found, self.status, self.outdated = found, status, outdated
        self.look = replace(self.look, output=found.likeliest)
        self.changed.emit()

    def withdraw(self, why: str = "") -> None:
        """Show no answer, and say why; one that is asked for is still waited for."""
        status: Status = "asked" if self.status == "asked" else "failed" if why else ""
        if self.found is not None or (status, why) != (self.status, self.why):
            self.found, self.outdated = None, False
            self.status, self.why = status, why
            self.changed.emit()

    def fail(self, why: str) -> None:
        """Nothing comes of what was asked. why: "" where the user stopped it."""
        self.status = "failed" if why else "done" if self.found is not None else ""
        self.why = why
        self.changed.emit()

    def clear(self) -> None:
        if self.found is not None or self.status:
            self.found, self.status, self.why, self.outdated = None, "", "", False
            self.changed.emit()

    def set_outdated(self, outdated: bool) -> None:
        if self.found is not None and self.outdated != outdated:
            self.outdated = outdated
            self.changed.emit()

    def set_look(self, **changes: object) -> None:
        look = replace(self.look, **changes)  # type: ignore[arg-type]
        if look != self.look:
            self.look = look
            self.changed.emit()


def _hues(count: int) -> np.ndarray:
    """(count, 3) uint8 RGB, neighbours in number far apart in hue."""
    import colorsys

    order = [(n * 5) % count for n in range(count)]
    rgb = [colorsys.hsv_to_rgb(n / count, 0.62, 0.86) for n in order]
    return (np.array(rgb) * 255).round().astype(np.uint8)
