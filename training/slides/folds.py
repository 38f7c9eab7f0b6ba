"""Which slides train, choose and test: folds that keep patients whole."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from ssmamba.errors import DataError
from training.slides.cohort import SPLITS, Cohort


@dataclass(frozen=True)
class Fold:
    """Rows of the cohort's slides, (n,) int64 each; a patient is in one of them."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def make_folds(cohort: Cohort, strata: np.ndarray, count: int, seed: int) -> list[Fold]:
    """Fold k tests on part k, chooses on part k + 1 and trains on the others.

    strata: (n,) int, class of each slide or whether it has an event; parts have about the same
    shares of them. A cohort with a column ``split`` has that one fold. Raises DataError where
    there are fewer patients than parts, or where only some slides have a split.
    """
    splits = np.array([slide.split for slide in cohort.slides])
    if (splits != "").any():
        return [_given(splits)]
    patients = np.array([slide.patient for slide in cohort.slides])
    if len(np.unique(patients)) < max(count, 3):
        raise DataError(
            f"{len(np.unique(patients))} patients cannot be parted into {max(count, 3)} folds; "
            "give fewer --folds (3 or more), or a column split."
        )
    parts = np.empty(len(patients), int)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        folds = StratifiedGroupKFold(max(count, 3), shuffle=True, random_state=seed)
        for part, (_, rows) in enumerate(folds.split(patients, strata, patients)):
            parts[rows] = part
    return [_of_parts(parts, part, max(count, 3)) for part in range(max(count, 3))]


def _given(splits: np.ndarray) -> Fold:
    rows = {name: np.flatnonzero(splits == name) for name in SPLITS}
    empty = [name for name in SPLITS if not len(rows[name])]
    if empty or (splits == "").any():
        what = f"no slide is in {' or '.join(empty)}" if empty else "some slides have no split"
        raise DataError(f"The column split is not complete: {what}; fill it, or leave it out.")
    return Fold(rows["train"], rows["val"], rows["test"])


def _of_parts(parts: np.ndarray, test: int, count: int) -> Fold:
    val = (test + 1) % count
    return Fold(
        np.flatnonzero((parts != test) & (parts != val)),
        np.flatnonzero(parts == val),
        np.flatnonzero(parts == test),
    )


def pretraining_parts(cohort: Cohort, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows that train and rows that are kept aside, patients whole, (n,) int64 each.

    A cohort with a column ``split`` has these parts; its test slides are in neither. Raises
    DataError where a part would be empty.
    """
    splits = np.array([slide.split for slide in cohort.slides])
    if (splits != "").any():
        missing = [name for name in ("train", "val") if name not in splits]
        if missing or (splits == "").any():
            what = f"no slide is in {' or '.join(missing)}" if missing else "some slides have none"
            raise DataError(f"The column split is not complete: {what}; fill it, or leave it out.")
        return np.flatnonzero(splits == "train"), np.flatnonzero(splits == "val")
    patients = np.array([slide.patient for slide in cohort.slides])
    names = np.random.default_rng(seed).permutation(np.unique(patients))
    if len(names) < 2:
        raise DataError(
            "All slides are of one patient, and some patients must be kept aside; add slides of "
            "another, or name patients in the column patient."
        )
    aside = names[: min(max(round(share * len(names)), 1), len(names) - 1)]
    held = np.isin(patients, aside)
    return np.flatnonzero(~held), np.flatnonzero(held)
