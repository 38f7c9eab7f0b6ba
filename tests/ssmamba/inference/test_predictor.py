"""Images in, probabilities out: the two doors, batches, temperature, memory."""

import weakref

import numpy as np
import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Calibration, Card, ClassInfo, InputSpec
from ssmamba.errors import CheckpointError, DeviceError
from ssmamba.inference.predictor import MOVED_TO_CPU, Predictor
from ssmamba.reading.preprocess import to_tensor
from ssmamba.runtime.device import Device
from tests.ssmamba.checkpoints.made import SPEC, save_classifier, save_mamim


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return Predictor(save_classifier(tmp_path_factory.mktemp("m") / "tiny.safetensors"), "cpu")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)


def test_probabilities_are_those_of_the_model_itself(predictor, images):
    with torch.inference_mode():
        expected = predictor.model(to_tensor(images, SPEC)).softmax(-1).numpy()
    got = predictor.predict(images)
    assert got.probabilities.shape == (5, 3)
    np.testing.assert_allclose(got.probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(got.probabilities.sum(1), 1.0, atol=1e-6)
    assert np.ptp(got.probabilities, axis=0).max() > 1e-4  # the images do differ


def test_features_are_the_style_of_the_first_stages_and_what_the_head_reads(predictor, images):
    got = predictor.predict(images)
    with torch.inference_mode():
        batch = to_tensor(images, predictor.card.input)
        first, second = predictor.model.forward_stages(batch)[:2]
        logits = predictor.model(batch)
        pooled = predictor.model.forward_features(batch)
    parts = [first.mean((2, 3)), first.std((2, 3)), second.mean((2, 3)), second.std((2, 3)), pooled]
    np.testing.assert_allclose(got.features, torch.cat(parts, 1).numpy(), atol=1e-5)
    np.testing.assert_allclose(got.logits, logits.numpy(), atol=1e-5)


def test_the_style_in_half_precision_is_rounded_once_not_at_each_sum(predictor, images):
    """The limits behind "Not sure" were fitted to float32."""
    batch, found = to_tensor(images, predictor.card.input), []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        maps = predictor.model.forward_stages(batch)[:2]
        found = predictor.model.forward_with_features(batch)[1]
    wide = [m.float() for m in maps]
    style = torch.cat([s for m in wide for s in (m.mean((2, 3)), m.std((2, 3)))], 1)
    assert maps[0].dtype == torch.bfloat16
    torch.testing.assert_close(found[:, : style.shape[1]], style, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_batch_size_changes_nothing(predictor, images, batch_size):
    other = Predictor(predictor.checkpoint, "cpu", batch_size=batch_size)
    np.testing.assert_allclose(
        other.predict(images).probabilities, predictor.predict(images).probabilities, atol=1e-5
    )


def test_one_image_a_list_and_other_sizes_are_taken(predictor, images):
    one = predictor.predict(images[0]).probabilities
    np.testing.assert_allclose(one, predictor.predict(list(images)).probabilities[:1], atol=1e-5)
    large = np.repeat(np.repeat(images[0], 2, 0), 2, 1)  # averages back to the same image
    np.testing.assert_allclose(predictor.predict(large).probabilities, one, atol=1e-5)


def test_no_images_give_no_rows(predictor):
    assert predictor.predict([]).probabilities.shape == (0, 3)


def test_temperature_softens_and_keeps_the_order(tmp_path, predictor, images):
    hot = save_classifier(tmp_path / "hot.safetensors", calibration=Calibration(temperature=4.0))
    cool, warm = predictor.predict(images), Predictor(hot, "cpu").predict(images)
    np.testing.assert_allclose(warm.logits, cool.logits, atol=1e-5)
    assert (warm.probabilities.max(1) < cool.probabilities.max(1)).all()
    assert (warm.probabilities.argmax(1) == cool.probabilities.argmax(1)).all()


def test_a_checkpoint_without_classes_is_refused_with_the_next_step(tmp_path):
    with pytest.raises(CheckpointError, match=r"no classes.*training\.finetune\.$"):
        Predictor(save_mamim(tmp_path / "mamim.safetensors"), "cpu")


def test_running_out_of_gpu_memory_halves_the_batch_then_moves_to_the_cpu(
    predictor, images, monkeypatch
):
    """A GPU that never has room: 4, 2, 1, then the CPU, with the same answer."""
    sizes = []
    real = Predictor.predict_tensor

    def crowded(self, batch):
        if self.device.is_cuda:
            sizes.append(len(batch))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, batch)

    fresh = Predictor(predictor.checkpoint, "cpu", batch_size=4)
    fresh.device = Device("cuda:0", "a crowded GPU", "")
    monkeypatch.setattr(Predictor, "predict_tensor", crowded)
    got = fresh.predict(images)
    assert sizes == [4, 2, 1]
    assert fresh.device.name == "cpu"
    assert fresh.notes == (MOVED_TO_CPU,)
    np.testing.assert_allclose(
        got.probabilities, predictor.predict(images).probabilities, atol=1e-5
    )


def test_room_is_made_when_the_failed_layers_results_are_gone(predictor, images, monkeypatch):
    """An exception that is being handled holds them through its traceback."""
    real, alive = Predictor.predict_tensor, []

    def crowded(self, batch):
        if not alive:
            activation = torch.zeros(1)
            alive.append(weakref.ref(activation))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, batch)

    fresh = Predictor(predictor.checkpoint, "cpu", batch_size=4)
    monkeypatch.setattr(Predictor, "predict_tensor", crowded)
    monkeypatch.setattr(Predictor, "make_room", lambda self: alive.append(alive[0]()))
    fresh.predict(images)
    assert alive[1] is None


def test_a_cpu_without_memory_says_so(predictor, images, monkeypatch):
    def full(self, batch):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(Predictor, "predict_tensor", full)
    with pytest.raises(DeviceError, match="not enough memory"):
        predictor.predict(images)


def test_other_failures_are_not_taken_for_a_lack_of_memory(predictor, images, monkeypatch):
    def broken(self, batch):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(Predictor, "predict_tensor", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        predictor.predict(images)


def test_the_training_commands_compute_the_same(predictor, images):
    from training.backbones.classifiers import run_model

    logits, features = run_model(predictor.checkpoint.model, images, SPEC, 3)
    got = predictor.predict(images)
    np.testing.assert_allclose(got.logits, logits, atol=1e-5)
    np.testing.assert_allclose(got.features, features, atol=1e-5)


def test_a_timm_baseline_gives_the_features_before_its_classifier(tmp_path, images):
    import timm

    torch.manual_seed(0)
    model = timm.create_model("resnet10t", num_classes=2).eval()
    card = Card(
        kind="baseline",
        arch="timm:resnet10t",
        classes=(ClassInfo("a", "A", (0, 0, 0)), ClassInfo("b", "B", (9, 9, 9))),
        input=InputSpec(window_px=64, source_px=64),
    )
    checkpoint.save(tmp_path / "resnet.safetensors", model, card)
    got = Predictor(tmp_path / "resnet.safetensors", "cpu").predict(images)
    logits = torch.from_numpy(got.features) @ model.fc.weight.T + model.fc.bias
    np.testing.assert_allclose(logits.detach().numpy(), got.logits, atol=1e-4)
