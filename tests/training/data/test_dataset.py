"""A loaded data folder: arrays, hashes and counts belong to the right images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import DataError
from ssmamba.reading.preprocess import resize_image
from tests.training.pictures import picture
from training.data.dataset import cache_side, load_dataset


def test_arrays_labels_and_hashes_are_in_one_order(folder: Path) -> None:
    data = load_dataset(folder, 0, quiet=True)
    images, labels, items = data.images("test", 24), data.labels("test"), data.items("test")
    assert len(images) == len(labels) == len(items) == len(data.hashes("test")) == 8
    for image, label, item in zip(images, labels, items, strict=True):
        assert data.classes[label] == item.label
        number = int(Path(item.path).stem) + (1000 if item.label == "striped" else 0)
        assert (image == resize_image(picture(item.label, number), 24)).all()


def test_splits_do_not_share_images(folder: Path) -> None:
    data = load_dataset(folder, 0, quiet=True)
    train, test = set(data.hashes("train")), set(data.hashes("test"))
    assert not train & test
    assert data.counts()["train"] == {"round": 14, "striped": 14}


def test_an_unknown_split_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'test'"):
        load_dataset(folder, 0, quiet=True).indices("tset")


def test_a_class_without_validation_images_is_refused(folder: Path, tmp_path: Path) -> None:
    for kind in ("round", "striped"):
        (tmp_path / kind).mkdir()
        for name in ("00.png", "01.png"):
            (tmp_path / kind / name).write_bytes((folder / kind / name).read_bytes())
    with pytest.raises(DataError, match="no images of round, striped in val"):
        load_dataset(tmp_path, 0, quiet=True, every_class_in=("train", "val", "test"))


def test_the_cache_fits_the_window_the_source_and_the_memory() -> None:
    assert cache_side(1000, 128, 10, 1.0) == 224  # 1.75 windows
    assert cache_side(150, 128, 10, 1.0) == 150  # never above the source
    assert cache_side(64, 128, 10, 1.0) == 128  # never below the window
    assert 128 <= cache_side(1000, 128, 10_000, 1.0) < 224
    with pytest.raises(DataError, match="--cache-gib"):
        cache_side(1000, 512, 100_000, 1.0)


def test_groups_without_names_are_single(folder: Path) -> None:
    data = load_dataset(folder, 0, quiet=True)
    assert len(np.unique(data.groups("train"))) == len(data.indices("train"))
