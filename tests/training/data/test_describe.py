"""Readable class names come from a description, or from the keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmamba.errors import DataError
from training.data.describe import describe

LAC = ("colon_aca", "colon_n", "lung_aca", "lung_n", "lung_scc")


def test_bundled_descriptions_are_found_by_their_classes(tmp_path: Path) -> None:
    info = describe(LAC, tmp_path)
    assert info.name == "LC25000"
    assert info.classes[0].name == "Colon adenocarcinoma"
    assert info.stain == "H&E" and info.stain_basis == "he" and info.attribution
    assert len({c.color for c in info.classes}) == len(LAC)


def test_unknown_classes_get_readable_names(tmp_path: Path) -> None:
    info = describe(("big_cell", "x"), tmp_path)
    assert [c.name for c in info.classes] == ["Big cell", "X"]
    assert info.classes[0].color != info.classes[1].color
    assert info.name == tmp_path.name and info.stain_basis == "none"


def test_a_description_beside_the_images_wins_and_a_given_one_wins_over_it(tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_text("name: own\nclasses: {a: Apple, b: {name: Bean}}")
    assert [c.name for c in describe(("a", "b"), tmp_path).classes] == ["Apple", "Bean"]
    other = tmp_path / "other.yaml"
    other.write_text("name: given\nmpp: 0.5\nclasses: {a: A, b: {name: B, color: [1, 2, 3]}}")
    info = describe(("a", "b"), tmp_path, other)
    assert (info.name, info.mpp, info.classes[1].color) == ("given", 0.5, (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("classes: {a: A}", "does not describe the classes b"),
        ("classes: {a: A, b: {color: [1, 2]}}", "three numbers"),
        ("classes: {a: A, b: B}\nstain_basis: pink", "stain_basis must be one of"),
        ("classes: {a: A, b: B}\nmpp: fine", "mpp must be a number above 0"),
        ("classes: {a: A, b: B}\nsource_px: 0.5", "source_px must be a number above 0"),
        ("classes: {a: A, b: B}\nfield_um: wide", "field_um must be a number above 0"),
        ("classes: {a: A, b: B}\nmpp: 0.5\nfield_um: 112", "leave one of them out"),
        ("classes: {a: A, b: B}\npicture: portrait", "picture must be one of tissue, cell"),
        ("classes: [a, b]", "mapping"),
        ("{", "cannot be read as YAML"),
    ],
)
def test_wrong_descriptions(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "dataset.yaml").write_text(text)
    with pytest.raises(DataError, match=expected):
        describe(("a", "b"), tmp_path)
