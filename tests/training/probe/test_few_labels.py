"""Probes with few labels: balanced scores, paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from training.probe.few_labels import PROBES, Features, Images, answers, difference, score


def images(counts: tuple[int, ...], group_size: int) -> Images:
    labels = np.repeat(np.arange(len(counts)), counts)
    return Images(labels, np.arange(len(labels)) // group_size)


def test_more_labels_teach_more_and_noise_teaches_nothing() -> None:
    rng = np.random.default_rng(0)
    known, asked = images((40, 40), 1), images((60, 60), 2)

    def features(signal: float) -> Features:
        parts = [
            rng.normal(0, 1, (len(each.labels), 8)) + signal * (2 * each.labels[:, None] - 1)
            for each in (known, asked)
        ]
        return Features(*parts)

    weak = features(0.35)
    few, many = (answers(weak, known, asked, count, 8, seed=0) for count in (2, 40))
    noise = answers(features(0), known, asked, 16, 8, seed=0)
    for probe in PROBES:
        assert few[probe].shape == (8, 120)
        assert few[probe].mean() < many[probe].mean() < 1
        low, high = score(noise[probe], asked.groups)["balanced_accuracy_ci"]
        assert low < 0.5 < high
        gap = difference(many[probe], noise[probe], asked.groups)
        assert gap["difference"] > 0.15 and gap["difference_ci"][0] > 0


def test_a_rare_class_counts_as_much_as_a_common_one() -> None:
    """Features that know the common class alone are right half of the time."""
    known, asked = images((16, 16), 1), images((90, 10), 1)
    blind = Features(np.zeros((32, 2)), np.zeros((100, 2)))
    for values in answers(blind, known, asked, 16, 2, seed=0).values():
        assert score(values, asked.groups)["balanced_accuracy"] == pytest.approx(0.5)


def test_a_paired_difference_is_surer_than_two_scores() -> None:
    """Two features that err on the same images differ by next to nothing, and surely so."""
    rng = np.random.default_rng(0)
    first = (rng.random((4, 200)) < 0.6).astype(float)
    second = first.copy()
    second[:, :10] = 0
    groups = np.arange(200)
    low, high = difference(first, second, groups)["difference_ci"]
    own_low, own_high = score(first, groups)["balanced_accuracy_ci"]
    assert 0 < low <= high and high - low < (own_high - own_low) / 2
