"""How far parts of a network have moved: which weights count, and what is measured of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.models import SSMamba
from training.loop.movement import Movement, parts_of
from training.runs import movement as drawn
from training.runs.movement import PARTS, PICTURE, read_log, tell_movement

DRAW = drawn.draw_movement  # other tests have an empty picture in its place (conftest.py)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Linear(4, 4)
        self.stages = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(x)


def test_moved_and_cosine_are_those_of_the_matrices() -> None:
    net = Net()
    movement = Movement(net)
    with torch.no_grad():
        net.stem.bias += 100.0  # not a matrix
        net.stages[0].weight *= 1.5
        net.stages[1].weight *= -1.0
    found = movement.measure()
    assert list(found) == ["stem", "stage 1", "stage 2", "head"]
    assert [found[part]["moved"] for part in found] == pytest.approx([0, 0.5, 2, 0], abs=1e-6)
    assert [found[part]["cosine"] for part in found] == pytest.approx([1, 1, -1, 1])
    assert all(part["gradient"] == 0 for part in found.values())


def test_gradients_are_read_at_fabrics_steps_and_forgotten_after_each_measure() -> None:
    net = Net()
    movement = Movement(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    model, optimizer = Fabric(accelerator="cpu", devices=1).setup(net, optimizer)
    movement.watch(optimizer)
    ratios = []
    for scale in (1.0, 3.0):
        (scale * model(torch.ones(3, 4)).sum()).backward()
        ratios.append(float(net.head.weight.grad.norm() / net.head.weight.detach().norm()))
        optimizer.step()
        optimizer.zero_grad()
    assert movement.measure()["head"]["gradient"] == pytest.approx(sum(ratios) / 2)
    assert movement.measure()["head"]["gradient"] == 0


def test_what_is_frozen_or_starts_at_zero_or_at_constants_is_left_out() -> None:
    net = Net()
    net.stem.requires_grad_(False)
    nn.init.zeros_(net.head.weight)
    assert list(parts_of(net)) == ["stage 1", "stage 2"]
    parts = parts_of(SSMamba(SSMambaConfig.of_size("nano", pool="cls"), 2))
    assert [part for part in parts if part.startswith("stage")] == [
        f"stage {number}" for number in (1, 2, 3, 4)
    ]
    assert "cls_token" not in parts and {"stem", "head"} <= parts.keys()


def test_a_logs_epochs_are_drawn_part_by_part(tmp_path: Path) -> None:
    lines = [
        {"epoch": n, "peak_lr": 0.1, PARTS: {part: each(n) for part in ("stem", "head")}}
        for n in (1, 2, 3)
    ]
    history = {line["epoch"]: line[PARTS] for line in lines}
    moved, gradient = (axes.lines for axes in DRAW(history, "run").axes)
    assert [line.get_label() for line in moved] == ["stem", "head"]
    assert moved[0].get_xdata().tolist() == [1, 2, 3]
    assert gradient[1].get_ydata().tolist() == pytest.approx([0.1, 0.2, 0.3])
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawn, "draw_movement", DRAW)
        tell_movement(tmp_path, 0.1, "run")
    assert (tmp_path / PICTURE).stat().st_size > 5000


def each(epoch: int) -> dict[str, float]:
    return {"moved": 0.01 * epoch, "cosine": 1.0, "gradient": 0.1 * epoch}


def test_a_log_without_parts_has_no_table(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"epoch": 1, "peak_lr": 0.1}\n')
    tell_movement(tmp_path, 0.1, "run")
    assert not (tmp_path / PICTURE).exists()
    assert PARTS not in read_log(tmp_path / "log.jsonl")[0]
