"""Maps of whole slides, as ``ssmamba.scan`` writes them, against outlines of the truth.

A tile's truth is the share of it inside the outlines. AUC is over the tiles that were read, whose
truth is at least a half or not. Dice is that of areas: of the tiles whose probability reaches the
threshold, and of the outlines, also where nothing was read. The threshold comes from the validation
split of the data that the model was trained on, never from the slides themselves.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import require_classes
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.errors import DataError
from ssmamba.files import keep_json
from ssmamba.names import folded
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.reading import read_regions
from ssmamba.rois.region_file import ENDINGS
from ssmamba.slides.slide import Slide
from training.backbones.classifiers import run_model
from training.config import ScanEvaluateConfig
from training.evaluation.matching import class_order, dataset_for
from training.evaluation.scan_picture import write_picture
from training.loop.progress import console
from training.metrics.calibration import softmax
from training.metrics.classification import auc

INSIDE = 0.5  # least share of a tile inside the outlines that makes it positive


@dataclass(frozen=True)
class TileMap:
    """The tiles of a slide that were read."""

    slide: Path
    side: float  # of a tile, level-0 pixels
    places: np.ndarray  # (N, 2) corners x, y, level-0 pixels
    probabilities: np.ndarray  # (N,) of the positive class; NaN where no class may be named


@dataclass(frozen=True)
class SlideScore:
    """How far a map agrees with the outlines; NaN where nothing can be said."""

    slide: str
    tiles: int  # that were read
    unread: int  # of them, without a class: glass, pen, blur
    positive: int  # whose truth is positive
    auc: float
    dice: float
    precision: float  # share of the marked area that is inside
    recall: float  # share of the outlines' area that is marked


def scan_evaluate(config: ScanEvaluateConfig) -> None:
    """Measure every slide of a scan, print a table, write scores.json and a picture a slide.

    Raises DataError when a file does not fit, before anything is written.
    """
    found = checkpoint.load(config.checkpoint)
    key, name = _positive(found, config)
    folders = sorted(path.parent for path in config.scans.glob("*/summary.json"))
    if not folders:
        raise DataError(f"There are no results of ssmamba.scan in {config.scans}.")
    read = [(read_map(folder, key, found.sha256), folder) for folder in folders]
    with_truth = [(tiles, outlines_of(tiles.slide, config.truth, (key, name))) for tiles, _ in read]
    threshold = (
        best_threshold(*validation(found, key, config))
        if config.threshold is None
        else config.threshold
    )
    scores = []
    config.out.mkdir(parents=True, exist_ok=True)
    for tiles, outlines in with_truth:
        shares = truth_shares(tiles, outlines)
        scores.append(score_of(tiles, shares, outlines.area, threshold))
        write_picture(config.out / f"{tiles.slide.stem}.png", tiles, outlines, threshold)
        console.print(_line(scores[-1]))
    result = {
        "checkpoint": str(config.checkpoint), "sha256": found.sha256, "class": key,
        "threshold": threshold, "slides": [asdict(score) for score in scores],
    }  # fmt: skip
    keep_json(config.out / "scores.json", result)
    console.print(f"Threshold {threshold:.3f}. Wrote {config.out}")


def _positive(found: Checkpoint, config: ScanEvaluateConfig) -> tuple[str, str]:
    infos = require_classes(found.card, config.checkpoint).classes
    asked = folded(config.positive)
    for info in infos:
        if asked in (folded(info.key), folded(info.name)):
            return info.key, info.name
    names = ", ".join(info.key for info in infos)
    raise DataError(f"The model has no class '{config.positive}'; give one of {names}.")


def read_map(folder: Path, key: str, sha256: str) -> TileMap:
    """The tiles of one slide's folder. Raises DataError."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        with (folder / "tiles.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        slide, model = Path(summary["slide"]), summary["model_sha256"]
        places = np.array([[float(r["minx"]), float(r["miny"])] for r in rows]).reshape(-1, 2)
        values = [float(r[f"prob_{key}"] or "nan") for r in rows]
        side = float(summary["tile_side_px"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} holds no whole results of ssmamba.scan ({error}).") from error
    if model != sha256:
        raise DataError(
            f"{folder} was made by another model; give its --checkpoint, or scan again."
        )
    return TileMap(slide, side, places, np.array(values))


def outlines_of(slide: Path, truth: Path, names: tuple[str, str]) -> BaseGeometry:
    """The union of a slide's regions of a class, level-0 pixels.

    names: the class's key and its name. They are in ``SLIDE.geojson``, ``SLIDE-truth.geojson`` or
    an XML of that name; where no region there has a class, all count. Raises DataError when there
    are none, and SlideError.
    """
    stems = (slide.stem, f"{slide.stem}-truth")
    found = [truth / f"{stem}{ending}" for stem in stems for ending in ENDINGS]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise DataError(f"There are no outlines for {slide.name} in {truth}: {stems[0]}.geojson.")
    with Slide.open(slide) as opened:
        rois = read_regions(path, opened.info.bounds_offset).rois
    own = [roi for roi in rois if folded(roi.user_class) in map(folded, names)]
    classes = sorted({roi.user_class for roi in rois if roi.user_class})
    if not own and classes:
        raise DataError(f"{path} has no region of {names[0]}; its classes: {', '.join(classes)}.")
    return shapely.union_all([roi_shape(roi) for roi in own or rois])


def truth_shares(tiles: TileMap, outlines: BaseGeometry) -> np.ndarray:
    """(N,) share of each tile inside the outlines."""
    x, y = tiles.places.T
    boxes = shapely.box(x, y, x + tiles.side, y + tiles.side)
    shapely.prepare(outlines)
    return np.asarray(shapely.area(shapely.intersection(boxes, outlines))) / tiles.side**2


def score_of(
    tiles: TileMap, shares: np.ndarray, outlines_px2: float, threshold: float
) -> SlideScore:
    """shares: of ``truth_shares``; outlines_px2: area of the outlines."""
    named = np.isfinite(tiles.probabilities)
    values, labels = tiles.probabilities[named], (shares[named] >= INSIDE).astype(int)
    marked = named & (np.nan_to_num(tiles.probabilities) >= threshold)
    both, area = float(shares[marked].sum()), float(marked.sum())
    truth = outlines_px2 / tiles.side**2
    return SlideScore(
        slide=tiles.slide.name,
        tiles=len(shares),
        unread=int((~named).sum()),
        positive=int(labels.sum()),
        auc=auc(np.column_stack([1 - values, values]), labels) if len(set(labels)) > 1 else np.nan,
        dice=_share(2 * both, area + truth),
        precision=_share(both, area),
        recall=_share(both, truth),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def validation(
    found: Checkpoint, key: str, config: ScanEvaluateConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N,) of the positive class and labels (N,) bool on the validation split."""
    card = found.card
    if config.data is None:
        raise DataError("Give --data, the folder that the model was trained on, or a --threshold.")
    dataset = dataset_for(card, config.data, None, None)
    order = class_order(card, dataset)
    images = dataset.images("val", card.input.window_px)
    logits, _ = run_model(found.model, images, card.input, config.batch_size)
    at = [info.key for info in card.classes].index(key)
    probabilities = softmax(logits, card.calibration.temperature)[:, at]
    return probabilities, order[dataset.labels("val")] == at


def best_threshold(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The probability from which on marking gives the best Dice (F1) on (N,) images."""
    if not labels.any():
        raise DataError("The validation split has no image of that class; give a --threshold.")
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(labels[order])
    dice = 2 * hits / (np.arange(1, len(order) + 1) + labels.sum())
    values = probabilities[order]
    dice[:-1][values[:-1] == values[1:]] = -1  # equal probabilities are marked together
    return float(values[int(dice.argmax())])


def _line(score: SlideScore) -> str:
    return (
        f"{score.slide}: {score.tiles} tiles, {score.positive} positive; AUC {score.auc:.3f}, Dice "
        f"{score.dice:.3f}, precision {score.precision:.3f}, recall {score.recall:.3f}"
    )
