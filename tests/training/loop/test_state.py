"""Resume files come back as they were, and nothing foreign is trusted."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from ssmamba.errors import DataError
from training.loop.state import STATE_FILE, load_state, restore_rng, rng_state, save_state


def draws() -> tuple[float, float, float]:
    return torch.rand(1).item(), random.random(), float(np.random.rand())  # noqa: NPY002


def test_random_numbers_go_on_where_they_stopped(tmp_path: Path) -> None:
    np.random.randn()  # noqa: NPY002 - leaves a cached number behind
    save_state(tmp_path, {"rng": rng_state()})
    first = draws()
    state = load_state(tmp_path)
    assert state is not None
    restore_rng(state["rng"])
    assert draws() == first


def test_no_state_is_none_and_no_partial_file_stays(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    save_state(tmp_path, {"a": torch.ones(2)})
    assert [p.name for p in tmp_path.iterdir()] == [STATE_FILE]


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must never run",)


@pytest.mark.parametrize("data", [b"", b"rubbish", pickle.dumps(Attack(), protocol=2)])
def test_damaged_and_hostile_files_are_refused(
    tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / STATE_FILE).write_bytes(data)
    with pytest.raises(DataError, match="start without --resume"):
        load_state(tmp_path)
    assert "never run" not in capsys.readouterr().out
