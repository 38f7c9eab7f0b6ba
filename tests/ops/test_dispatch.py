"""Which backend runs a scan where a GPU is short of memory, without a GPU."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from ssmamba import ops
from ssmamba.ops import dispatch


def test_a_full_gpu_does_not_rule_kernels_out_for_the_rest_of_the_session(monkeypatch):
    tried = []

    def try_on(kernels, device):
        tried.append(str(device))
        if len(tried) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.delenv(dispatch.VARIABLE, raising=False)
    monkeypatch.setattr(dispatch.importlib, "import_module", lambda name: SimpleNamespace())
    monkeypatch.setattr(dispatch, "try_on", try_on)
    dispatch._load.cache_clear()
    dispatch._chosen.cache_clear()
    try:
        assert ops.choose_backend("cuda:1") == ("torch", "the GPU is out of memory")
        assert ops.choose_backend("cuda:1").name == "mamba_ssm"
        assert tried == ["cuda:1", "cuda:1"]
    finally:
        dispatch._load.cache_clear()
        dispatch._chosen.cache_clear()
