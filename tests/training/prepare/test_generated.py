"""A training folder of drawn tissue: seeds are groups, and the scale is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmamba.errors import DataError
from ssmamba.generated import nuclei, patches
from ssmamba.generated.scenes import COLORS, NAMES
from training.data.dataset import load_dataset
from training.prepare.config import PrepareConfig
from training.prepare.steps import prepare


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller pictures and fibres: what is tested is the folder."""
    for name, value in {"PATCH_PX": 64, "ACROSS": 1, "DOWN": 1, "TILE": 256}.items():
        monkeypatch.setattr(patches, name, value)
    monkeypatch.setattr(nuclei, "VARIANTS", 1)
    monkeypatch.setattr(nuclei, "ANGLES", 2)


@pytest.mark.usefixtures("small")
def test_seeds_are_groups_of_which_some_are_held_out(tmp_path: Path) -> None:
    out = tmp_path / "data"
    prepare(PrepareConfig("generated", out, seeds=10, first_seed=2000))
    data = load_dataset(out, 0, quiet=True, every_class_in=("train", "val", "test"))
    assert {c.key: (c.name, c.color) for c in data.info.classes} == {
        key: (name, COLORS[key]) for key, name in NAMES.items()
    }
    assert data.info.mpp == 0.5 and data.info.stain == "H&E"
    assert "no patient" in data.info.attribution
    groups = {split: {i.group for i in data.items(split)} for split in ("train", "val", "test")}
    assert [len(groups[split]) for split in groups] == [7, 1, 2]
    assert set.union(*groups.values()) == {f"seed-{seed}" for seed in range(2000, 2010)}


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({"seeds": 9}, "too few"),
        ({"first_seed": 7}, "seeds go from 1000"),
        ({"source": Path()}, "omit --source"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    tmp_path: Path, flags: dict[str, object], text: str
) -> None:
    with pytest.raises(DataError, match=text):
        prepare(PrepareConfig("generated", tmp_path / "out", **flags))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_other_data_need_a_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="pbc needs a --source"):
        prepare(PrepareConfig("pbc", tmp_path / "out"))
