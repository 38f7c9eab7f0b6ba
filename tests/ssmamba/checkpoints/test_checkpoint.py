"""Checkpoint files: a round trip, and one clear sentence for each way they can be wrong."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, ClassInfo, InputSpec, read_card
from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.models import MAMIM, SSMamba
from ssmamba.models.batchnorm import bn_statistics

CONFIG = SSMambaConfig(dims=(16, 32, 48, 64), depths=(1, 1, 1, 2), d_state=4)
CLASSES = (ClassInfo("a", "A", (255, 0, 0)), ClassInfo("b", "B", (0, 0, 255)))


@pytest.fixture
def classifier(tmp_path):
    model = SSMamba(CONFIG, num_classes=2).eval()
    card = Card(name="Test", config=asdict(CONFIG), classes=CLASSES, input=InputSpec(window_px=64))
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, model, card, {"trust.mean": torch.ones(2, 64)})
    return path, model, card


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into /proc")
def test_a_loaded_file_is_let_go(classifier):
    """Windows lets nobody replace a mapped file, and training replaces best.safetensors."""
    loaded = checkpoint.load(classifier[0])
    assert loaded.extra  # is held while we look
    assert str(classifier[0]) not in Path("/proc/self/maps").read_text()


def test_round_trip_keeps_weights_card_and_extras(classifier):
    path, model, card = classifier
    loaded = checkpoint.load(path)
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(loaded.model(image), model(image))
    assert loaded.card.to_json() == card.to_json() == read_card(path).to_json()
    assert SSMambaConfig.from_dict(loaded.card.config) == CONFIG
    assert torch.equal(loaded.extra["trust.mean"], torch.ones(2, 64))
    assert len(loaded.sha256) == 64


def test_others_may_read_it_like_any_new_file(classifier):
    path, _, _ = classifier
    other = path.with_name("other.txt")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_a_disk_that_does_not_take_a_checkpoint_is_told(classifier, monkeypatch):
    path, model, card = classifier
    before = path.read_bytes()

    def full(*_, **__):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(CheckpointError, match=r"No space left.*free some disk space"):
        checkpoint.save(path, model, card)
    (path.parent / "file").touch()
    with pytest.raises(
        CheckpointError, match=r"file.x could not be written \(.*; choose another place"
    ):
        checkpoint.save(path.parent / "file" / "x", model, card)
    (path.parent / "file").unlink()
    assert [p.name for p in path.parent.iterdir()] == [path.name] and path.read_bytes() == before


def test_a_folder_in_place_of_a_checkpoint_is_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"is a folder; give a file such as .*best\."):
        read_card(tmp_path)


def test_encoder_of_a_mamim_checkpoint_has_the_clean_statistics(tmp_path):
    mim_config = MIMConfig(decoder_dim=32)
    model = MAMIM(SSMamba(CONFIG), mim_config)
    clean = {"clean_bn." + k: v + 3.0 for k, v in bn_statistics(model.encoder).items()}
    card = Card(kind="mamim", config=asdict(CONFIG), mamim=asdict(mim_config))
    checkpoint.save(tmp_path / "m.safetensors", model, card, clean)
    encoder, _ = checkpoint.load_encoder(tmp_path / "m.safetensors")
    for name, value in bn_statistics(encoder).items():
        assert torch.equal(value, clean["clean_bn." + name])


def test_truncated_file(classifier):
    path = classifier[0]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="truncated"):
        checkpoint.load(path)


def test_not_a_model_file(tmp_path):
    (tmp_path / "notes.safetensors").write_text("hello, this is a text file")
    with pytest.raises(CheckpointError, match="not a readable"):
        read_card(tmp_path / "notes.safetensors")
    with pytest.raises(CheckpointError, match="no model file"):
        read_card(tmp_path / "missing.safetensors")


def test_foreign_safetensors_file(tmp_path):
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="no model card"):
        checkpoint.load(tmp_path / "foreign.safetensors")


def test_weights_that_do_not_fit_the_card(classifier):
    path, model, card = classifier
    checkpoint.save(path, model, card.with_(classes=(*CLASSES, ClassInfo("c", "C", (0, 0, 0)))))
    with pytest.raises(CheckpointError, match=r"of another shape, first 'head\.bias'"):
        checkpoint.load(path)


def test_newer_format_is_named(classifier):
    path, model, card = classifier
    checkpoint.save(path, model, card.with_(format_version=99))
    with pytest.raises(CheckpointError, match="newer version"):
        read_card(path)
