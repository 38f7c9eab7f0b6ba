"""The bundled classifiers with every operation in bfloat16, against float32, on held-out images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.inference.frozen.precision import has_fast_bfloat16
from ssmamba.inference.predictor import Predictor
from ssmamba.ops import choose_backend
from tests.acceptance.conftest import MODELS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared_data,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(choose_backend("cpu").name != "cpu", reason="needs the compiled kernels"),
    pytest.mark.skipif(not has_fast_bfloat16(), reason="this processor has no fast bfloat16"),
]
IMAGES = 200
CLASSIFIERS = [p for p in sorted(MODELS.glob("*.safetensors")) if read_card(p).classifies]


def held_out(folder: Path, seed: int) -> np.ndarray:
    from training.data.dataset import load_dataset

    dataset = load_dataset(folder, seed, quiet=True)
    items = dataset.items("test")
    rows = np.random.default_rng(0).permutation(len(items))[:IMAGES]
    pictures = [Image.open(folder / items[i].path).convert("RGB") for i in rows]
    side = pictures[0].size[0]
    return np.stack([np.asarray(p.resize((side, side))) for p in pictures])


@pytest.fixture
def lowest(monkeypatch):
    """Every operation that may be lowered is, whatever is quicker here."""
    monkeypatch.delenv("SSMAMBA_PRECISION", raising=False)
    monkeypatch.setattr("ssmamba.inference.frozen.precision.quicker", lambda work: "bfloat16")
    monkeypatch.setattr("ssmamba.inference.frozen.precision.Choices.get", lambda self, key: None)
    monkeypatch.setattr("ssmamba.inference.frozen.precision.Choices.keep", lambda self, *kept: None)


@pytest.mark.parametrize("path", CLASSIFIERS, ids=lambda p: p.stem)
def test_classes_are_the_same_and_probabilities_near(path, lc25000, pbc, lowest):
    card = read_card(path)
    folder = pbc if path.stem.startswith("pbc") else lc25000
    images = held_out(folder, int(card.dataset["split_seed"]))
    loaded = checkpoint.load(path)
    exact = Predictor(loaded, "cpu", batch_size=16).predict(images)
    lowered = Predictor(loaded, "cpu", batch_size=16, precision="auto")
    found = lowered.predict(images)
    assert lowered.answered_in == ("bfloat16" if lowered._frozen else "float32")
    away = np.abs(found.probabilities - exact.probabilities).max(axis=1)
    best = exact.probabilities.argmax(axis=1)
    print(
        f"{path.stem}: {int((found.probabilities.argmax(axis=1) != best).sum())} other classes, "
        f"probabilities away by {away.max():.4f} at most, {away.mean():.5f} on average; logits by "
        f"{np.abs(found.logits - exact.logits).max():.4f}"
    )
    assert (found.probabilities.argmax(axis=1) == best).all()
    assert away.max() <= 0.01
