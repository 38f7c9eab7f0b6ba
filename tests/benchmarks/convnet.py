"""A ResNet as timm runs it and as the viewer does (ssmamba.models.convnets), beside SSMamba.

python -m tests.benchmarks.convnet
"""

from __future__ import annotations

import argparse

import torch

from ssmamba.config import SSMambaConfig
from ssmamba.models import SSMamba
from ssmamba.models.build import build_network
from ssmamba.models.convnets import fuse_batch_norm
from tests.benchmarks.measuring import time_shuffled

# as in resources/results/lac-seeds
RESNET = {"channels": [32, 64, 128, 256]}
SSMAMBA = {"deep_stem": True, "overlap": True, "batch_norm": True, "local_every_block": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--repeat", type=int, default=25)
    asked = parser.parse_args()
    plain, quick = (build_network("timm:resnet10t", RESNET, 5).eval() for _ in range(2))
    fuse_batch_norm(quick)
    ssmamba = SSMamba(SSMambaConfig.of_size("nano", **SSMAMBA), 5).eval()
    batch = torch.rand(asked.images, 3, asked.side, asked.side)
    models = {"ResNet, timm's": plain, "ResNet, fused": quick, "SSMamba nano": ssmamba}
    with torch.inference_mode():
        runs = {name: lambda model=model: model(batch) for name, model in models.items()}
        times = time_shuffled(runs, asked.repeat, summary=min)
    first = times["ResNet, timm's"]
    for name, spent in times.items():
        print(f"{name:18} {asked.images / spent * 1e3:7.0f} images/s  {spent / first:5.2f} ×")


if __name__ == "__main__":
    main()
