"""CUDA graphs in the predictor: the same answers, for every shape and image that comes."""

import numpy as np
import pytest
import torch

from ssmamba.inference.predictor import Predictor
from tests.ssmamba.checkpoints.made import save_classifier


def test_graphs_are_left_out_on_a_cpu(tmp_path):
    predictor = Predictor(save_classifier(tmp_path / "a.safetensors"), "cpu", graphs=True)
    image = np.full((64, 64, 3), 120, np.uint8)
    np.testing.assert_allclose(predictor.predict(image).probabilities.sum(), 1.0, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 2e-2)])
def test_replayed_answers_are_those_of_the_model(tmp_path, precision, tolerance):
    path = save_classifier(tmp_path / "a.safetensors")
    plain = Predictor(path, "cuda")
    graphed = Predictor(path, "cuda", precision=precision, graphs=True)
    rng = np.random.default_rng(0)
    for count in (1, 3, 1, 2, 3):  # shapes come back, images are new
        images = rng.integers(0, 256, (count, 64, 64, 3), np.uint8)
        found, expected = (p.predict(images).probabilities for p in (graphed, plain))
        np.testing.assert_allclose(found, expected, atol=tolerance)
