"""At which stage a classifier's CAMs point best."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor, nn

from ssmamba.checkpoints.card import InputSpec
from ssmamba.config import SSMambaConfig
from ssmamba.models import SSMamba
from training.evaluation.cams import best_stage, pointing_by_stage, tell_without_cams

SPEC = InputSpec(window_px=64)


@pytest.mark.parametrize(
    ("pointing", "stage"),
    [
        ({1: 0.5, 2: 0.9, 3: 0.6, 4: 0.5}, 2),
        ({1: 0.9, 2: 0.9, 3: 0.87, 4: 0.8}, 3),
        ({1: 0.3, 2: 0.3, 3: 0.3, 4: 0.3}, 4),
        ({}, 4),
    ],
)
def test_the_coarsest_of_the_best_is_taken(pointing: dict[int, float], stage: int) -> None:
    assert best_stage(pointing) == stage


def test_every_stage_is_asked_on_mosaics_of_the_images() -> None:
    images = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), np.uint8)
    labels = np.arange(8) % 2
    model = SSMamba(SSMambaConfig.of_size("nano"), 2)
    found = pointing_by_stage(model, SPEC, images, labels)
    assert set(found) == {1, 2, 3, 4} and all(0 <= share <= 1 for share in found.values())
    assert found == pointing_by_stage(model, SPEC, images, labels)


def test_a_network_of_another_kind_has_no_stage_of_its_own() -> None:
    class Unknown(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.mean((2, 3)))

    images = np.zeros((4, 64, 64, 3), np.uint8)
    assert pointing_by_stage(Unknown(), SPEC, images, np.array([0, 0, 1, 1])) == {}


class Flat(nn.Module):
    """A network without places."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 64 * 64, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.flatten(1))


def test_a_network_without_maps_is_named_and_costs_no_calibration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_without_cams(Flat(), 64)
    assert "No CAM is known for Flat" in capsys.readouterr().out
    images = np.zeros((4, 64, 64, 3), np.uint8)
    assert pointing_by_stage(Flat(), SPEC, images, np.array([0, 0, 1, 1])) == {}
    tell_without_cams(SSMamba(SSMambaConfig.of_size("nano"), 2), 64)
    assert capsys.readouterr().out == ""
