"""Features at a glance."""

import numpy as np
import pytest

from ssmamba.features.overview import as_colours, components, groups


@pytest.fixture
def blobs():
    """Three groups of 60, 30 and 10 tiles in 20 dimensions."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], (60, 30, 10))
    return rng.normal(size=(3, 20))[truth] * 6 + rng.normal(size=(100, 20)), truth


def test_components_are_those_of_the_covariance(blobs):
    features, _ = blobs
    centred = features - features.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    found = components(features, 3)
    for at in range(3):
        expected = centred @ vectors[:, -1 - at]
        assert abs(np.corrcoef(found[:, at], expected)[0, 1]) == pytest.approx(1, abs=1e-4)
        assert (found[:, at] ** 2).sum() == pytest.approx(values[-1 - at], rel=1e-3)


def test_the_same_features_look_the_same_and_their_sign_does_not_hang_on_the_library(blobs):
    features, _ = blobs
    np.testing.assert_array_equal(components(features), components(features.copy()))
    np.testing.assert_array_equal(groups(components(features)), groups(components(features)))
    mirrored = components(-features, 3)  # its largest loadings are positive all the same
    np.testing.assert_allclose(np.abs(mirrored), np.abs(components(features, 3)), atol=1e-3)


def test_like_tiles_are_one_group_and_the_largest_is_the_first(blobs):
    features, truth = blobs
    found = groups(components(features), 3)
    assert [set(found[truth == k]) for k in range(3)] == [{1}, {2}, {3}]


def test_colours_tell_groups_apart_and_few_dimensions_do(blobs):
    features, truth = blobs
    colours = as_colours(components(features)).astype(int)
    middles = [colours[truth == k].mean(0) for k in range(3)]
    assert min(np.abs(a - b).max() for a in middles for b in middles if a is not b) > 60
    assert (as_colours(components(features[:, :1]))[:, 1:] == 128).all()


def test_odd_features_are_no_trouble():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5, 8))
    features[0, 0], features[1, 1] = np.nan, np.inf
    assert np.isfinite(components(features)).all()
    assert set(groups(components(features), 8)) == {1, 2, 3, 4, 5}
    alike = np.ones((6, 4))
    assert as_colours(components(alike)).shape == (6, 3)
    assert len(groups(components(alike), 2)) == 6
