"""The bundled models answer as they did when they were made."""

import json

import numpy as np
import pytest

from tests.ssmamba.models import golden

EXPECTED = json.loads(golden.FILE.read_text(encoding="utf-8"))


def test_every_bundled_model_has_golden_values():
    assert sorted(EXPECTED) == golden.names()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_bundled_model_answers_as_ever(name):
    """Other processors and libraries add in another order: a thousandth of the largest value."""
    found = golden.answers(name)
    assert found.keys() == EXPECTED[name].keys()
    for key, values in EXPECTED[name].items():
        room = 1e-3 * max(map(abs, values))
        np.testing.assert_allclose(found[key], values, rtol=0, atol=room, err_msg=key)


@pytest.mark.parametrize("name", [n for n in EXPECTED if "distances" in EXPECTED[n]])
def test_cutting_a_picture_does_not_make_it_foreign(name):
    """The same tissue, 112 x 100 px of it, lies about as far from what the model knows."""
    whole, cut = np.reshape(EXPECTED[name]["distances"], (2, 2))
    assert (np.abs(cut / whole - 1) < 0.3).all()
