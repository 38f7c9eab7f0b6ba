"""Clusters of tokens on slides: k-means of an encoder's, DBSCAN of the predictor's (§4.2)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.cluster import DBSCAN, KMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from torch import Tensor

from ssmamba.models.slides.encoder import RegionEncoder
from ssmamba.models.slides.serialise import split_class
from training.probe.features import embeddings
from training.slides.ssl.latentmim import laid_out
from training.slides.ssl.positions import token_places
from training.slides.ssl.predictor import Predictor
from training.slides.ssl.probing import fusion
from training.slides.ssl.task import masked

MOST_TOKENS = 3000  # of a slide's predictions, by whole regions
NEIGHBOURS = 5  # DBSCAN's core points have so many neighbours


class Predicted(NamedTuple):
    """Predictions for the hidden regions of a slide and their clusters."""

    rows: np.ndarray  # (m,) int64, the slide's hidden regions
    clusters: np.ndarray  # (m, h, w) int64, -1 = in none
    places: np.ndarray  # (m · h · w, 2) of t-SNE
    summary: dict[str, Any]


@torch.no_grad()
def kmeans_of(
    encoder: RegionEncoder, regions: Tensor, clusters: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of spatial tokens (N, h, w) and of class tokens (N, 1, 1), without fusion."""
    with fusion(encoder, fused=False):
        slide = encoder.forward_slide(regions)
    spatial, _ = split_class(slide.tokens)
    height, width = slide.grid
    tokens = spatial.flatten(0, 1).float().cpu().numpy()
    own = _kmeans(tokens, clusters, seed).reshape(len(spatial), height, width)
    return own, _kmeans(slide.cls.float().cpu().numpy(), clusters, seed)[:, None, None]


def _kmeans(tokens: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    count = min(clusters, len(np.unique(tokens, axis=0)))
    return KMeans(count, n_init=3, random_state=seed).fit_predict(tokens)


@torch.no_grad()
def predicted_clusters(
    encoder: RegionEncoder,
    predictor: Predictor,
    regions: Tensor,
    cells: Tensor,
    ratio: float,
    seed: int,
    class_only: bool = False,
) -> Predicted:
    """What the predictor answers for hidden regions, without fusion, and how it clusters.

    The radius of DBSCAN is the median distance of unit vectors to their NEIGHBOURS-th neighbour.
    The summary tells how many of the regions lie in one cluster with all their tokens: in the
    thesis all did, as predictions followed places. class_only: the predictor knows class tokens
    alone, one of each region.
    """
    hidden = torch.from_numpy(masked(len(regions), ratio, np.random.default_rng(seed)))
    cells = cells - cells.amin(0)
    with fusion(encoder, fused=False):
        seen = encoder.forward_slide(regions[~hidden.to(regions.device)])
    context = laid_out(seen, cells[~hidden].to(regions.device), class_only)
    height, width = (1, 1) if class_only else seen.grid
    rows = np.flatnonzero(hidden.numpy())[: max(MOST_TOKENS // (height * width), 1)]
    spatial, centres = split_class(token_places(cells[rows].to(regions.device), seen.grid))
    flat = (centres if class_only else spatial).flatten(0, 1)
    is_class = torch.full((len(flat),), class_only, device=flat.device)
    tokens = predictor(context.tokens, context.places, flat, is_class).float().cpu().numpy()
    clusters, radius = _dbscan(tokens)
    grid = clusters.reshape(len(rows), height, width)
    whole = [len(np.unique(own)) == 1 and own.flat[0] >= 0 for own in grid]
    summary = {
        "regions": len(rows),
        "tokens": len(tokens),
        "clusters": int(clusters.max() + 1),
        "in_none": float((clusters < 0).mean()),
        "regions_of_one_cluster": float(np.mean(whole)),
        "radius": radius,
    }
    return Predicted(rows, grid, _mapped(tokens, seed), summary)


def _mapped(tokens: np.ndarray, seed: int) -> np.ndarray:
    """(T, 2) of t-SNE; of tokens that are all the same, one point."""
    if len(tokens) < 4 or np.ptp(tokens, axis=0).max() == 0:
        return np.zeros((len(tokens), 2))
    return next(iter(embeddings(tokens, seed)))[1]


def _dbscan(tokens: np.ndarray) -> tuple[np.ndarray, float]:
    """Clusters (T,) and the radius; of fewer tokens than NEIGHBOURS none is in one."""
    if len(tokens) <= NEIGHBOURS:
        return np.full(len(tokens), -1), 0.0
    unit = normalize(tokens)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(unit)  # the first is the token itself
    radius = float(np.median(near.kneighbors(unit)[0][:, -1]))
    found = DBSCAN(eps=max(radius, 1e-9), min_samples=NEIGHBOURS).fit_predict(unit)
    return found, radius
