"""A new card in an old file: the tensors are the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card, read_header
from ssmamba.checkpoints.rewrite import write_card
from ssmamba.errors import CheckpointError
from tests.ssmamba.checkpoints.made import save_classifier


def data_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


@pytest.mark.parametrize("name", ["Tiny", "A name that makes the header longer by any number"])
def test_only_the_card_changes(tmp_path: Path, name: str) -> None:
    extra = {"trust.mean": torch.ones(3, 5)}
    path = save_classifier(tmp_path / "m.safetensors", extra=extra)
    path.chmod(0o640)
    before, old, header = data_bytes(path), checkpoint.load(path), read_header(path)
    card = old.card.with_(name=name, input=replace(old.card.input, picture="cell"))
    write_card(path, card)
    assert read_card(path) == card
    assert data_bytes(path) == before
    assert path.stat().st_mode & 0o777 == 0o640
    now = read_header(path)
    assert {k: v for k, v in now.items() if k != "__metadata__"} == {
        k: v for k, v in header.items() if k != "__metadata__"
    }
    with safe_open(path, framework="pt") as file:  # the format's own reader takes it
        assert "extra.trust.mean" in file.keys()  # noqa: SIM118
    for key, value in checkpoint.load(path).model.state_dict().items():
        assert torch.equal(value, old.model.state_dict()[key])


def test_what_is_no_checkpoint_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"nothing of the kind")
    card = read_card(save_classifier(tmp_path / "other.safetensors"))
    with pytest.raises(CheckpointError, match="not a readable"):
        write_card(path, card)
    assert path.read_bytes() == b"nothing of the kind"
    assert len(list(tmp_path.iterdir())) == 2  # no partial file
