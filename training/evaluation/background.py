"""Pictures of nothing, free with every set of single cells: what lies around the cells, and glass.

A picture of one centred cell shows at its corners what else is on the slide: other cells, plasma,
glass. Mirrored to a whole window, a corner keeps its scale and colours and has no cell of a class
in it. Pictures of tissue have no such corners, so their models go without.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

CORNER = 0.25  # side of a corner, of the picture's
GLASS = 0.15  # of the pictures are bare glass
BRIGHTEST, SHADE, GRAIN = (215, 252), 6.0, (1.0, 4.0)  # of glass: level, tint and noise
STRENGTH = 1.0  # of the regression's penalty, inverse


def background_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, S, S, 3) uint8 pictures of cells -> as many without; some are glass."""
    return np.stack(
        [
            bare_glass(len(image), rng) if rng.random() < GLASS else corner(image, rng)
            for image in images
        ]
    )


def corner(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the four corners of (S, S, 3), mirrored until it fills the picture."""
    side = len(image)
    part = max(1, round(CORNER * side))
    piece = np.rot90(image, int(rng.integers(4)))[:part, :part]
    turn = np.concatenate([piece, piece[:, ::-1]], axis=1)
    turn = np.concatenate([turn, turn[::-1]], axis=0)
    times = -(-side // len(turn))
    return np.ascontiguousarray(np.tile(turn, (times, times, 1))[:side, :side])


def bare_glass(side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side, 3) uint8: bright, of a faint tint, with the noise of a camera."""
    level = rng.uniform(*BRIGHTEST) + rng.uniform(-SHADE, SHADE, 3)
    noise = rng.normal(0, rng.uniform(*GRAIN), (side, side, 3))
    return np.asarray((level + noise).clip(0, 255), np.uint8)


def fit_background(known: np.ndarray, background: np.ndarray) -> Tensor:
    """Weights and bias (F + 1,) float32 of a logistic regression: above 0 is background.

    known, background: (N, F) features of training images and of pictures of nothing.
    """
    from sklearn.linear_model import LogisticRegression  # seconds to import

    values = np.concatenate([known, background]).astype(np.float64)
    centre, spread = values.mean(0), values.std(0) + 1e-6
    truth = np.repeat([0, 1], [len(known), len(background)])
    fit = LogisticRegression(C=STRENGTH, max_iter=2000).fit((values - centre) / spread, truth)
    weights = fit.coef_[0] / spread
    bias = fit.intercept_[0] - weights @ centre
    return torch.from_numpy(np.append(weights, bias)).float()
