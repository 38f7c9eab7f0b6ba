"""Resume files come back as they were, and nothing foreign is trusted."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from ssmamba.errors import DataError
from training.loop.state import (
    PREVIOUS_STATE,
    STATE_FILE,
    load_state,
    mend_state,
    restore_rng,
    rng_state,
    save_state,
)


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
    with pytest.raises(DataError, match="is damaged and there is no state before it; delete it"):
        load_state(tmp_path)
    assert "never run" not in capsys.readouterr().out


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_noticed_and_the_state_before_is_used(
    tmp_path: Path, share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """torch itself reads a damaged tensor without a word."""
    for value in (1.0, 2.0):
        save_state(tmp_path, {"a": torch.full((1000,), value)})
    path = tmp_path / STATE_FILE
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        load_state(tmp_path)
    mend_state(tmp_path)
    assert "state.pt is damaged; the run continues from the state before" in capsys.readouterr().out
    state = load_state(tmp_path)
    assert state is not None and bool((state["a"] == 1.0).all())
    assert [p.name for p in tmp_path.iterdir()] == [STATE_FILE]


def test_a_state_cut_short_falls_back_too(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        save_state(tmp_path, {"a": torch.full((1000,), value)})
    path = tmp_path / STATE_FILE
    for length in (0, 10, path.stat().st_size // 2, path.stat().st_size - 100):
        save_state(tmp_path, {"a": torch.full((1000,), 1.0)})
        save_state(tmp_path, {"a": torch.full((1000,), 2.0)})
        path.write_bytes(path.read_bytes()[:length])
        mend_state(tmp_path)
        state = load_state(tmp_path)
        assert state is not None and bool((state["a"] == 1.0).all())


def test_a_process_killed_between_two_renames_loses_no_state(tmp_path: Path) -> None:
    save_state(tmp_path, {"a": 1})
    (tmp_path / STATE_FILE).rename(tmp_path / PREVIOUS_STATE)
    mend_state(tmp_path)
    assert load_state(tmp_path) == {"a": 1}


def test_a_good_state_stays_and_an_older_one_without_checksum_is_read(tmp_path: Path) -> None:
    save_state(tmp_path, {"a": 1})
    torch.save({"a": 2}, tmp_path / STATE_FILE)
    save_state(tmp_path, {"a": 3})
    mend_state(tmp_path)
    assert load_state(tmp_path) == {"a": 3}
    (tmp_path / STATE_FILE).unlink()
    mend_state(tmp_path)
    assert load_state(tmp_path) == {"a": 2}


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), RuntimeError("write")])
@pytest.mark.parametrize("where", ["torch.save", "training.loop.state._seal"])
def test_a_full_disk_is_one_sentence_and_leaves_the_state_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, where: str
) -> None:
    save_state(tmp_path, {"step": 1})

    def full(*_: object) -> None:
        raise fault

    monkeypatch.setattr(where, full)
    with pytest.raises(DataError, match=r"cannot be written.*continue with --resume"):
        save_state(tmp_path, {"step": 2})
    monkeypatch.undo()
    assert load_state(tmp_path) == {"step": 1}
    assert not list(tmp_path.glob("*.partial*"))
