"""The real image folders: split as their README says they must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data.dataset import load_dataset

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not SHARED.is_dir(), reason="needs the images in ../shared/data"),
]


def test_no_field_of_lc25000_is_on_two_sides() -> None:
    data = load_dataset(SHARED / "lc25000", 0, quiet=True)
    sides: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        for item in data.items(split):
            assert item.group
            sides.setdefault(item.group, set()).add(split)
    assert all(len(names) == 1 for names in sides.values())
    total = len(data.catalog.items)
    assert total == 3217 and data.info.name == "LC25000"
    for split, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        assert len(data.indices(split)) / total == pytest.approx(share, abs=0.005)


@pytest.mark.slow
def test_pbc_is_split_evenly() -> None:
    data = load_dataset(SHARED / "pbc", 0, quiet=True)
    assert data.info.stain_basis == "giemsa"
    for split, count in (("train", 350), ("val", 50), ("test", 100)):
        assert set(data.counts()[split].values()) == {count}
