"""How many regions of a slide fit on a GPU by the counted bytes: the tables of slide-models.md.

``python -m tests.benchmarks.slide_fit``; nothing is measured. The bytes are those that the commands
tell before a run with their default settings, a tenth for gaps included.
"""

from __future__ import annotations

from pathlib import Path

import torch

from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.memory import SEGMENT_GPU, Load, most_regions
from training.slides.config import SlideFinetuneConfig, SlidePretrainConfig
from training.slides.fit import AnyConfig, needed, views_of
from training.slides.memory import dino_bytes

GPUS = (24, 48, 80)  # 10^9 bytes
THESIS_HEAD = 384 * 2048 + 2048**2 + 256 * (2048 + 65_536)  # weights of its head of DINO


def fitting(config: AnyConfig, load: Load, gigabytes: int) -> int:
    """Regions of one slide, which count as bytes of a GPU."""
    return most_regions(needed(config, load, torch.device("cuda")), gigabytes * 10**9)


def main() -> None:
    nowhere = {"cohort": Path(), "out": Path()}
    finetune = SlideFinetuneConfig(**nowhere)
    configs = [finetune, *(SlidePretrainConfig(method=m, **nowhere) for m in ("latentmim", "dino"))]
    for size in ("6m", "21m"):
        paper = PixelMambaConfig.of_size(size)
        print(f"Pixel-Mamba {size}: fine-tuning / LatentMIM / DINO on {GPUS} GB")
        for half in (False, True):
            for layers in (0, 4, 24):
                load = Load(paper, finetune.window, layers, half, SEGMENT_GPU)
                cells = [" / ".join(str(fitting(c, load, g)) for c in configs) for g in GPUS]
                print("bf16-mixed" if half else "float32", layers, *cells, sep=" | ")
    print("DINO as in the thesis's Table 4.2: layers, regions, GB")
    for layers, regions in ((0, 110), (1, 135), (2, 155), (4, 200), (16, 400)):
        load = Load(PixelMambaConfig.of_size("6m"), 224, layers, True, SEGMENT_GPU)
        size = dino_bytes(load, views_of(regions, 6), 2, THESIS_HEAD)
        print(layers, regions, f"{size / 1e9:.1f}", sep=" | ")


if __name__ == "__main__":
    main()
