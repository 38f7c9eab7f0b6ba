"""Cues unrelated to tissue, and how well each one alone predicts the class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ssmamba.reading.preprocess import resize_image
from ssmamba.runtime.cores import usable_cores
from training.data.file_facts import FileFacts
from training.data.images import centre_square, read_rgb
from training.evaluation.forest import colour_histograms, forest_probabilities
from training.metrics.classification import balanced_accuracy, mean_interval

SIDE = 224  # pixels, side at which colours are measured
FRAME = 16  # the frame is 1/FRAME of the side wide
BRIGHT = 90  # percentile of grey above which a pixel counts as background
QUANTILES = (5, 25, 50, 75, 95)
TREES = 200

CUES = {
    "colour histogram": "all colours of the image, without their positions",
    "grey histogram": "brightness of the pixels, without position or hue",
    "frame": "colours of the outermost sixteenth of the image",
    "background": "colour of the brightest tenth of the pixels",
    "image size": "width and height in pixels",
    "file": "bytes, JPEG quality, format and mode",
}


@dataclass(frozen=True)
class CueScore:
    """Scores of a forest on one cue, on the test split."""

    name: str
    accuracy: float
    accuracy_ci: tuple[float, float]
    balanced_accuracy: float


def colour_cues(paths: Sequence[Path], on_done: Callable[[int], None]) -> dict[str, np.ndarray]:
    """{cue: (N, F) float32} of the cues that need the pixels."""
    with ThreadPoolExecutor(usable_cores()) as pool:
        rows = []
        for row in pool.map(_colour_cues, paths):
            rows.append(row)
            on_done(len(rows))
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def file_cues(files: Sequence[FileFacts]) -> dict[str, np.ndarray]:
    """{cue: (N, F) float32} of the cues from the files' headers."""
    kinds = sorted({(f.format, f.mode) for f in files})
    size = [(f.width, f.height) for f in files]
    file = [
        (f.size, f.size / (f.width * f.height), f.quality or 0, kinds.index((f.format, f.mode)))
        for f in files
    ]
    return {"image size": np.asarray(size, np.float32), "file": np.asarray(file, np.float32)}


def score_cue(
    name: str,
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
    resamples: int,
) -> CueScore:
    """A forest on one cue, fitted on the rows ``train`` and measured on the rows ``test``.

    features: (N, F); labels and groups: (N,) numbers.
    """
    known, truth, classes = labels[train], labels[test], int(labels.max()) + 1
    probabilities = forest_probabilities(
        features[train], known, features[test], classes, seed, TREES
    )
    hits = probabilities.argmax(1) == truth
    low, high = mean_interval(hits, groups[test], resamples, seed)
    return CueScore(name, float(hits.mean()), (low, high), balanced_accuracy(probabilities, truth))


def commonest_share(labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Accuracy on the test side of always naming the training side's commonest class."""
    return float((labels[test] == np.bincount(labels[train]).argmax()).mean())


def _colour_cues(path: Path) -> dict[str, np.ndarray]:
    image = resize_image(centre_square(read_rgb(path)), SIDE)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    width = SIDE // FRAME
    inner = np.zeros(grey.shape, bool)
    inner[width:-width, width:-width] = True
    return {
        "colour histogram": colour_histograms(image[None])[0],
        "grey histogram": np.histogram(grey, 32, (0, 256))[0].astype(np.float32) / grey.size,
        "frame": _summary(image[~inner]),
        "background": _summary(image[grey >= np.percentile(grey, BRIGHT)]),
    }


def _summary(pixels: np.ndarray) -> np.ndarray:
    """(M, 3) uint8 -> means, spreads and quantiles of the channels, float32."""
    parts = [pixels.mean(0), pixels.std(0), *np.percentile(pixels, QUANTILES, axis=0)]
    return np.concatenate(parts).astype(np.float32)
