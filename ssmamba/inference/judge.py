"""Whether an answer should be believed, and which windows have a vote in it.

A window of glass, ink, blur, background or nothing has no vote. The others vote with the area of
the region that each stands for, so that the answer is that for a place drawn from the region at
random. The limits for entropy and distances come from the checkpoint's card.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from ssmamba.checkpoints.card import Card
from ssmamba.inference.familiar import familiarity
from ssmamba.inference.predictor import Prediction
from ssmamba.inference.sight import Seen, look
from ssmamba.reading.doubts import CODES, ORDER, foremost
from ssmamba.reading.preprocess import Images, resize_image
from ssmamba.reading.values import Doubt, Trust
from ssmamba.wording import words

DEFAULT_ENTROPY_LIMIT = 0.5  # when the card has none
# Of the tissue; what is glass was read, as it were. A tenth unread cannot turn an answer that is
# sure, as the limits of entropy ask for more than a tenth between the first class and the others.
MOST_TISSUE = 0.9
MOST_REGION = 0.5  # a region that is mostly glass was drawn around something else
# Of what is not glass, hidden by one of these: then the region was drawn on it, and has no class.
TOO_MUCH: dict[Doubt, float] = {"pen": 0.25, "blurred": 0.5, "fluorescence": 0.25}

NOT_SURE_BETWEEN = words("The model is not sure which class this is.")
FOREIGN = words("This does not look like the tissue that the model was trained on.")
UNLIKE = words(
    "This looks like none of the model's classes; there may be several of them here, or a part of "
    "one."
)
BACKGROUND = words(
    "This looks like what lies around the cells that the model was trained on, and shows none of "
    "its classes."
)
PARTIAL = words("Much of this region could not be read, so the answer stands for a part of it.")
GLASS = words("Most of this region is bare glass or black.")
BLANK = words("There is nothing to see in this region.")
PEN = words("Much of this region is covered by pen or ink.")
NO_NUMBER = words("The model's answer is not a number; its weights may be damaged.")
BLURRED = words("This region is blurred.")
FLUORESCENCE = words("This looks like fluorescence, and the model was trained on stained tissue.")
OBSTACLES: dict[Doubt, str] = {
    "fluorescence": FLUORESCENCE, "blank": BLANK, "glass": GLASS, "pen": PEN, "blurred": BLURRED,
    "background": BACKGROUND,
}  # fmt: skip


class Judge:
    """Gathers evidence over the windows of one region, then says whether to believe the answer."""

    def __init__(self, card: Card, extra: dict[str, Tensor]) -> None:
        self.card = card
        self._extra = extra
        self._seen: list[Seen] = []
        self._areas: list[float] = []
        self._distances: list[float] = []
        self._unlike: list[float] = []
        self._second: list[np.ndarray] = []
        self._finite = True

    def add(
        self,
        pixels: Images,
        features: np.ndarray,
        logits: np.ndarray | None = None,
        areas: Sequence[float] | np.ndarray | None = None,
        insides: Sequence[np.ndarray | None] | None = None,
    ) -> None:
        """Look at N windows of a region.

        pixels: N × (S, S, 3) uint8 RGB, as read or of the training images' side already;
        features (N, F) and logits (N, K) float32; areas (N,): of the region, that each stands
        for, in any unit, by default all the same; insides: see ``ssmamba.inference.sight.look``,
        None for windows that the region fills.
        """
        self._finite &= all(np.isfinite(v).all() for v in (features, logits) if v is not None)
        spec, found = self.card.input, familiarity(self.card, self._extra, features)
        for read, inside in zip(pixels, insides or [None] * len(pixels), strict=True):
            image = resize_image(read, spec.source_px)  # as sharp as the model sees it
            self._seen.append(look(image, spec.stain, inside))
        if found.background is not None:
            first = len(self._seen) - len(features)
            for at in np.nonzero(found.background > 0)[0] + first:
                if not self._seen[at].obstacle:
                    self._seen[at] = replace(self._seen[at], obstacle="background")
        self._areas += [1.0] * len(features) if areas is None else list(map(float, areas))
        self._distances += [] if found.distance is None else found.distance.tolist()
        self._unlike += [] if found.unlike is None else found.unlike.tolist()
        self._second += [] if found.second is None else list(found.second)

    @property
    def votes(self) -> np.ndarray:
        """Weight of each window's vote, (N,) float64; their sum is 1, or 0 if none has a vote."""
        weights = np.where([not seen.obstacle for seen in self._seen], self._areas, 0.0)
        total = weights.sum()
        return weights / total if total > 0 else weights

    @property
    def voted_area(self) -> float:
        """Of the region, that windows with a vote stand for, in the unit of the areas."""
        return sum(a for a, seen in zip(self._areas, self._seen, strict=True) if not seen.obstacle)

    @property
    def left_out(self) -> tuple[tuple[Doubt, int], ...]:
        """How many windows have no vote, by reason, the most fundamental first."""
        found = [seen.obstacle for seen in self._seen]
        return tuple((doubt, found.count(doubt)) for doubt in ORDER if doubt in found)

    def mean(self, probabilities: np.ndarray) -> np.ndarray:
        """The region's probabilities (K,) float64 of those of its windows (N, K).

        Where no window has a vote it is the mean of all, which names no class.
        """
        weights = self.votes
        if not weights.any():
            weights = np.full(len(probabilities), 1 / len(probabilities))
        mean: np.ndarray = weights @ probabilities.astype(np.float64)
        return mean

    def verdict(self, probabilities: Sequence[float], area: float | None = None) -> Trust:
        """Judge the region's probabilities (K,), in the light of the windows added so far.

        area: of the region, in the unit of the windows' areas; by default their sum.
        """
        if not (self._finite and np.isfinite(probabilities).all()):
            return Trust(sure=False, reasons=(NO_NUMBER,), entropy=1.0, doubt="damaged")
        shown = self.votes if self.voted_area else np.asarray(self._areas)
        both = self._both_opinions(np.asarray(probabilities, np.float64), shown)
        distance = _median(self._distances, shown[: len(self._distances)])
        reasons = self._obstacles(sum(self._areas) if area is None else area)
        if distance is not None and distance > 1.0:
            reasons["foreign"] = FOREIGN
        unlike = _median(self._unlike, shown[: len(self._unlike)])
        if unlike is not None and unlike > 0.0:
            reasons["unlike"] = UNLIKE
        if is_unsure(self.card, both):
            reasons["unsure"] = NOT_SURE_BETWEEN
        tissue = [seen.tissue for seen in self._seen if seen.tissue is not None]
        sharp = [(s.sharpness, w) for s, w in zip(self._seen, shown, strict=True)
                 if s.sharpness is not None]  # fmt: skip
        return Trust(
            sure=not reasons,
            reasons=tuple(reasons.values()),
            doubt=foremost(reasons) if self.voted_area else next(iter(reasons), ""),
            entropy=float(normalised_entropy(both)),
            distance=distance,
            sharpness=_median([s for s, _ in sharp], np.array([w for _, w in sharp])),
            tissue=float(np.mean(tissue)) if tissue else None,
        )

    def _both_opinions(self, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The region's probabilities (K,) averaged with those by the distances to the classes."""
        if not self._second or not weights.any():
            return probabilities
        second = np.average(self._second, axis=0, weights=weights[: len(self._second)])
        mean: np.ndarray = (probabilities + second) / 2
        return mean

    def _obstacles(self, area: float) -> dict[Doubt, str]:
        """Doubts about how much of a region was seen, the largest first."""
        lost = dict.fromkeys(OBSTACLES, 0.0)
        for seen, own in zip(self._seen, self._areas, strict=True):
            if seen.obstacle:
                lost[seen.obstacle] += own
        if self._seen and not self.voted_area:
            hindered = {seen.obstacle for seen in self._seen}
            lost["fluorescence"] = math.inf  # the black around it is a part of it
            ranked = sorted((d for d in OBSTACLES if d in hindered), key=lambda d: -lost[d])
            return {doubt: OBSTACLES[doubt] for doubt in ranked}
        tissue = area - lost["glass"] - lost["blank"] - lost["background"]
        for doubt, share in TOO_MUCH.items():
            if lost[doubt] >= share * tissue > 0:
                return {doubt: OBSTACLES[doubt]}
        if self.voted_area < max(MOST_TISSUE * tissue, MOST_REGION * area):
            return {"partial": PARTIAL}
        return {}


def is_unsure(card: Card, probabilities: np.ndarray) -> np.ndarray:
    """Whether answers (..., K) are spread over the classes by more than the card's limit, (...)."""
    limit = card.calibration.entropy_limit
    spread = normalised_entropy(np.asarray(probabilities, np.float64))
    found: np.ndarray = spread > (DEFAULT_ENTROPY_LIMIT if limit is None else limit)
    return found


def doubts_of_windows(
    card: Card, extra: dict[str, Tensor], obstacles: Sequence[Doubt], found: Prediction
) -> np.ndarray:
    """The doubt about each of N windows on its own, (N,) uint8 codes (``doubts.CODES``).

    The same as ``Judge.verdict`` of a region of that one window. obstacles: what ``look`` finds.
    """
    known = familiarity(card, extra, found.features)
    both = found.probabilities if known.second is None else (found.probabilities + known.second) / 2
    codes = np.where(is_unsure(card, both), CODES.index("unsure"), 0)
    for doubt, values, most in (  # the most fundamental last
        ("unlike", known.unlike, 0.0), ("foreign", known.distance, 1.0),
        ("background", known.background, 0.0),
    ):  # fmt: skip
        if values is not None:
            codes[values > most] = CODES.index(doubt)
    hidden = np.array([CODES.index(obstacle) for obstacle in obstacles], np.uint8)
    codes = np.where(hidden > 0, hidden, codes)
    finite = np.isfinite(found.features).all(axis=1) & np.isfinite(found.logits).all(axis=1)
    codes[~finite] = CODES.index("damaged")
    return codes.astype(np.uint8)


def normalised_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy over its largest value, (..., K) -> (...): 0 = certain, 1 = no idea."""
    classes = probabilities.shape[-1]
    if classes < 2:
        return np.zeros(probabilities.shape[:-1])
    logs = np.log(np.maximum(probabilities, 1e-12))
    return np.maximum(-(probabilities * logs).sum(-1) / np.log(classes), 0.0)


def _median(values: Sequence[float], weights: np.ndarray) -> float | None:
    """The value on whose both sides there is half of the weight; None of nothing."""
    if not len(values):
        return None
    order = np.argsort(values)
    ordered, sums = np.asarray(values, np.float64)[order], np.cumsum(weights[order])
    half = sums[-1] / 2
    low, high = (min(int(np.searchsorted(sums, half, s)), len(sums) - 1) for s in ("left", "right"))
    return float(ordered[low] + ordered[high]) / 2
