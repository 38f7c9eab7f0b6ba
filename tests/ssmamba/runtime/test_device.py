"""The device and the reason for it, in words."""

import pytest
import torch

from ssmamba.errors import DeviceError
from ssmamba.runtime.device import CPU_ONLY_TORCH, choose_device, gpu_problem


def test_the_cpu_can_always_be_asked_for():
    device = choose_device("cpu")
    assert device.name == "cpu"
    assert device.label.startswith("CPU (")
    assert not device.is_cuda


def test_a_cpu_only_torch_is_named_as_the_reason(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    device = choose_device("auto")
    assert device.name == "cpu"
    assert CPU_ONLY_TORCH in device.reason
    with pytest.raises(DeviceError, match=r"CPU-only build.*install a torch with CUDA\.$"):
        choose_device("cuda")


def test_a_missing_driver_is_named_as_the_reason(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("ssmamba.runtime.device.driver_found", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu_problem() == "no NVIDIA driver found"
    with pytest.raises(DeviceError, match=r"driver\.$"):
        choose_device("cuda:0")


def test_hidden_gpus_are_named_as_the_reason(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES" in choose_device("auto").reason


def test_a_gpu_number_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(DeviceError, match="there is only 1 GPU"):
        choose_device("cuda:3")


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "gpu", "", "cuda0"])
def test_an_unknown_device_names_the_choices(name):
    with pytest.raises(DeviceError, match="choose auto, cpu, cuda or cuda:N"):
        choose_device(name)


def test_a_gpu_multiplies_float32_as_a_cpu_does(monkeypatch):
    """torch's default rounds in convolutions; a CAM made on a CPU would look otherwise."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr("ssmamba.runtime.device.gpu_problem", lambda index=0: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "a GPU")
    assert choose_device("cuda:1").label == "a GPU"
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.gpu
def test_a_real_gpu_is_found_and_named():
    device = choose_device("auto")
    assert device.name == "cuda:0"
    assert device.label
