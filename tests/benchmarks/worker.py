"""One checkout's models, timed on request: two checkouts can so be measured in one run.

``python worker.py`` is started by ``block.py`` with the checkout's root as PYTHONPATH; it must not
need anything that an older checkout lacks. It reads requests as JSON lines and answers in kind.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch
from torch import Tensor, nn

BUNDLED = {"deep_stem": True, "overlap": True, "batch_norm": True, "local_every_block": True}
TIMM = {
    "ViT-S/16": "vit_small_patch16_224",
    "ViT-Ti/16": "vit_tiny_patch16_224",
    "Swin-T": "swin_tiny_patch4_window7_224",
    "ResNet-18": "resnet18",
}
SSMAMBA = {"nano": BUNDLED, "tiny": {}, "small": {}, "base": {}}


def build(name: str, side: int) -> nn.Module:
    torch.manual_seed(0)
    if name in SSMAMBA:
        from ssmamba.config import SSMambaConfig
        from ssmamba.models import SSMamba

        return SSMamba(SSMambaConfig.of_size(name, **SSMAMBA[name]), 5).eval()
    import timm

    sized = {} if name == "ResNet-18" else {"img_size": side}
    return timm.create_model(TIMM[name], num_classes=5, **sized).eval()


class Runs:
    """Inference as this checkout does it: "auto" is what its viewer would take."""

    def __init__(self) -> None:
        self._models: dict[Any, Any] = {}

    def __call__(self, name: str, batch: int, side: int, precision: str) -> None:
        key = name, side, precision
        if key not in self._models:
            self._models[key] = self._prepared(build(name, side), precision)
        images = torch.randn(batch, 3, side, side)
        lower = precision == "autocast"
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=lower):
            self._models[key](images)

    def _prepared(self, model: nn.Module, precision: str) -> Any:
        from ssmamba.inference.predictor import logits_and_features
        from ssmamba.models import SSMamba

        if not isinstance(model, SSMamba):
            return model
        try:
            from ssmamba.inference.frozen import freeze
        except ImportError:  # an older checkout
            frozen = None
        else:
            frozen = None if precision == "autocast" else freeze(model, precision == "auto")

        def run(images: Tensor) -> tuple[Tensor, Tensor]:
            return logits_and_features(model, images) if frozen is None else frozen(images)

        return run


def main() -> None:
    from ssmamba import ops
    from ssmamba.runtime.memory import keep_freed_memory

    ops.warm_up()
    keep_freed_memory()
    runs = Runs()
    for line in sys.stdin:
        asked = json.loads(line)
        torch.set_num_threads(asked.pop("threads"))
        wall, cpu = time.perf_counter(), time.process_time()
        runs(**asked)
        times = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
