"""Distance of an input to a model's training data (Lee et al. 2018; Ren et al. 2021).

Features of each class are taken as normal with a shared covariance. Two distances are measured:

- **Style**: the smallest Mahalanobis distance to a class mean. What is compared is the style of
  SSMamba's first two stages (``SSMamba.forward_with_features``), not the pooled features that the
  head reads: with a limit at the 97.5th percentile of validation, the LaC nano marked 92 % of a
  skin slide's windows against 38 %, 98 % of a head-and-neck slide's against 4 %, and 3 % of its own
  test images against 8 % (windows of 450 px; CMU-1-Small-Region and TCGA-CR-7395). The numbers live
  in the checkpoint as ``trust.mean`` (K, F) and ``trust.precision`` (F, F).
- **Class**: the relative Mahalanobis distance of what the head reads: the squared distance to the
  nearest class mean minus that to all training images taken as one class. It tells a window that
  shows parts of several classes, or a part of one, in the right stain. Of the directions that make
  both covariances diagonal, those in which they differ most are kept, so that a file grows by
  some 20 kB: ``trust.axes`` (F + 1, D), ``trust.places`` (K, D) and ``trust.spread`` (D,).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

MIN_SHRINKAGE = 1e-3  # of the covariance towards a multiple of the identity
DIRECTIONS = 32  # most that are kept; with all 256 of a nano two cells in one window were found in
# .94 instead of .85 of the pictures, a cell in a corner in .62 instead of .66
MANY = 5  # images a feature, from which a covariance needs the least shrinkage only


class ClassAxes(NamedTuple):
    """Directions in which a class is narrower than all images, scaled to a class's variance of 1.

    axes: (F + 1, D) float32; the last row is added, so that 0 is the mean of all.
    places: (K, D) float32, of the class means.
    spread: (D,) float32, the variance of all images, descending.
    """

    axes: Tensor
    places: Tensor
    spread: Tensor


def fit_feature_statistics(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Class means (K, F) and precision (F, F), float32, of features (N, F) and labels (N,).

    The covariance within the classes is shrunk towards a multiple of the identity by the share
    that minimises the expected error (Ledoit and Wolf 2004), so that it can be inverted with fewer
    images than features.
    """
    mean, centred = _within(features.double(), labels)
    precision = torch.linalg.inv(_covariance(centred, _best_share(centred)))
    return mean.float(), ((precision + precision.T) / 2).float()


def fit_class_axes(features: Tensor, labels: Tensor) -> ClassAxes:
    """The axes of features (N, F) with labels (N,).

    The covariance within the classes and that of all images are each shrunk by the same share; a
    small one where images are many, as parts of two cells show in directions of little variance.
    """
    values = features.double()
    mean, centred = _within(values, labels)
    centre = values.mean(0)
    share = MIN_SHRINKAGE
    if len(values) < MANY * values.shape[1]:
        share = _best_share(centred)
    within, every = _covariance(centred, share), _covariance(values - centre, share)
    # within = L L^T; the eigenvectors of L^-1 every L^-T make both diagonal
    root = torch.linalg.cholesky(within)
    whitened = torch.linalg.solve_triangular(root, every, upper=False)
    whitened = torch.linalg.solve_triangular(root, whitened.T, upper=False)
    spread, turns = torch.linalg.eigh((whitened + whitened.T) / 2)  # ascending
    spread, turns = spread[-DIRECTIONS:].flip(0), turns[:, -DIRECTIONS:].flip(1)
    axes = torch.linalg.solve_triangular(root.T, turns, upper=True)
    return ClassAxes(
        torch.cat([axes, -(centre @ axes)[None]]).float(),
        ((mean - centre) @ axes).float(),
        spread.float(),
    )


def _within(values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Class means (K, F), and the values (N, F) minus that of their class."""
    classes = int(labels.max()) + 1
    mean = torch.stack([values[labels == k].mean(0) for k in range(classes)])
    return mean, values - mean[labels]


def _best_share(centred: Tensor) -> float:
    from sklearn.covariance import ledoit_wolf_shrinkage  # seconds to import

    found = ledoit_wolf_shrinkage(centred.cpu().numpy(), assume_centered=True)
    return max(float(found), MIN_SHRINKAGE)


def _covariance(centred: Tensor, share: float) -> Tensor:
    """Of centred values (N, F), (F, F), shrunk by a share towards a multiple of the identity."""
    covariance = centred.T @ centred / len(centred)
    level = covariance.diagonal().mean().clamp_min(1e-12)
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    return (1 - share) * covariance + share * level * identity


def mahalanobis(features: Tensor, mean: Tensor, precision: Tensor) -> Tensor:
    """Distance of features (B, F) to the nearest class mean, (B,) float32."""
    gap = features.float().unsqueeze(1) - mean  # (B, K, F)
    squared = torch.einsum("bkf,fg,bkg->bk", gap, precision, gap)
    return squared.clamp_min(0).min(dim=1).values.sqrt()


def class_distances(features: Tensor, classes: ClassAxes) -> tuple[Tensor, Tensor]:
    """Squared distances of features (B, F) to each class (B, K), MD_k^2, and to all images taken as
    one class (B,), MD_0^2; float32. Ren et al. 2021, Eq. 2, is the difference."""
    found = features.float() @ classes.axes[:-1] + classes.axes[-1]  # (B, D)
    to_class = (found.unsqueeze(1) - classes.places).square().sum(2)
    return to_class, (found.square() / classes.spread).sum(1)
