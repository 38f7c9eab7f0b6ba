"""Distances to the training features: small for what is alike, large for what is foreign."""

from __future__ import annotations

import torch

from ssmamba.inference.distance import fit_feature_statistics, mahalanobis


def features(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes in 6 dimensions with a covariance that is far from round."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    spread = torch.tensor([5.0, 1.0, 0.2, 1.0, 1.0, 1.0])
    noise = torch.randn(count, 6, generator=generator) * spread
    return noise + labels[:, None] * torch.tensor([0.0, 8, 0, 0, 0, 0]), labels


def test_distances_count_standard_deviations() -> None:
    values, labels = features(4000, 0)
    mean, precision = fit_feature_statistics(values, labels)
    assert mean.shape == (2, 6) and precision.shape == (6, 6)
    torch.testing.assert_close(precision, precision.T)
    steps = torch.eye(6)[[0, 1, 2]] * torch.tensor([[5.0], [-1.0], [0.2]]) * 10
    distances = mahalanobis(mean[:1] + steps, mean, precision)
    torch.testing.assert_close(distances, torch.full((3,), 10.0), rtol=0.15, atol=0)
    assert mahalanobis(mean, mean, precision).abs().max() < 1e-3


def test_the_nearest_class_counts() -> None:
    values, labels = features(2000, 0)
    mean, precision = fit_feature_statistics(values, labels)
    between = mean.mean(0, keepdim=True)
    far = mean[1:] * 2 - mean[:1]
    assert mahalanobis(between, mean, precision) < mahalanobis(far, mean, precision)


def test_fewer_images_than_features_still_invert() -> None:
    values = torch.randn(20, 64, generator=torch.Generator().manual_seed(0))
    mean, precision = fit_feature_statistics(values, torch.arange(20) % 3)
    assert torch.isfinite(precision).all()
    assert (torch.linalg.eigvalsh(precision.double()) > 0).all()
    new = torch.randn(50, 64, generator=torch.Generator().manual_seed(1))
    distances = mahalanobis(new, mean, precision)
    assert (mahalanobis(new * 10, mean, precision) > 3 * distances).all()
