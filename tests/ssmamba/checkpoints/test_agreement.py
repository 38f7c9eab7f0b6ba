"""A person's class and a model's are compared by what they mean, not by how they are written."""

from __future__ import annotations

import pytest

from ssmamba.checkpoints.agreement import agreement, class_named
from ssmamba.checkpoints.card import ClassInfo

CLASSES = (
    ClassInfo("colon_aca", "Colon adenocarcinoma", (1, 2, 3)),
    ClassInfo("naevus", "Nævus à cellules", (4, 5, 6)),
)


@pytest.mark.parametrize(
    "written",
    ["Colon adenocarcinoma", "colon  ADENOCARCINOMA ", "colon_aca", "Colon\u00a0adenocarcinoma"],
)
def test_a_class_is_known_by_name_or_key_however_it_is_written(written: str) -> None:
    assert agreement(written, CLASSES, "colon_aca") is True
    assert agreement(written, CLASSES, "naevus") is False


def test_accents_may_be_signs_of_their_own() -> None:
    assert class_named("nævus a\u0300 cellules", CLASSES) == CLASSES[1]


@pytest.mark.parametrize("written", ["", "  ", "Tumour", "Colon"])
def test_no_class_or_one_that_the_model_does_not_know_is_neither_right_nor_wrong(
    written: str,
) -> None:
    assert agreement(written, CLASSES, "colon_aca") is None
