"""Images a second of the loader alone, of training steps alone, and of both; prints ratios.

    python -m tests.benchmarks.loader [--size nano] [--image-size 224] [--batch-size 32]
        [--accelerator auto] [--precision 32-true] [--steps 12]

A classifier with fine-tuning's recipe (crops, stain, blur, noise, Mixup) on pictures in memory, as
the commands keep them. "Both over the slower" near 1 says that loading hides behind the model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import InputSpec
from ssmamba.config import SSMambaConfig
from ssmamba.models import SSMamba
from ssmamba.reading.preprocess import to_tensor
from tests.slides import tissue_like
from training.augment.mixup import mixup, soft_targets
from training.augment.recipe import Recipe
from training.augment.stain import StainJitter
from training.config import FinetuneConfig
from training.data.dataset import CACHE_MARGIN
from training.loop.batches import Batches, Plan
from training.runs.device import make_fabric
from training.runs.plan import loader_threads

IMAGES, CLASSES = 256, 5
WARM_UP = 2  # steps
REPEATS = 3  # rounds in turn, so that all meet the same load of the machine; the best counts

Pair = tuple[Tensor, Tensor]


def main() -> None:
    asked = _arguments()
    fabric = make_fabric(asked.accelerator, asked.precision)
    model = SSMamba(SSMambaConfig.of_size(asked.size), CLASSES)
    wrapped, optimizer = fabric.setup(model, torch.optim.AdamW(model.parameters(), lr=1e-4))
    wrapped.train()
    plan = Plan(IMAGES, asked.batch_size, 1000, 0)
    batches = Batches(plan, _maker(asked.image_size), loader_threads(fabric))

    def step(batch: Pair) -> None:
        pixels, targets = (part.to(fabric.device) for part in batch)
        with fabric.autocast():
            loss = nn.functional.cross_entropy(wrapped(pixels).float(), targets)
        fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()

    same = next(batches.starting_at(0))[0]
    ways: dict[str, Callable[[], float]] = {
        "loader": lambda: _pace(batches, asked.steps, lambda batch: None),
        "model": lambda: _pace(None, asked.steps, step, same),
        "both": lambda: _pace(batches, asked.steps, step),
    }
    best = dict.fromkeys(ways, 0.0)
    for _ in range(REPEATS):
        for name, measure in ways.items():
            best[name] = max(best[name], measure() * plan.step_images)
    print(
        f"SSMamba {asked.size}, {asked.image_size} px, batch {plan.step_images}, {fabric.device}, "
        f"{asked.precision}, best of {REPEATS} rounds of {asked.steps} steps"
    )
    for name, value in best.items():
        print(f"  {name:7} {value:9.1f} images/s")
    print(f"  both over the slower {best['both'] / min(best['loader'], best['model']):.2f}")


def _pace(
    batches: Batches[Pair] | None,
    steps: int,
    work: Callable[[Pair], None],
    same: Pair | None = None,
) -> float:
    """Steps a second, from the loader, or on the same batch again and again."""
    source = None if batches is None else batches.starting_at(0)
    for number in range(WARM_UP + steps):
        if number == WARM_UP:
            start = time.perf_counter()
        batch = same if source is None else next(source)[0]
        assert batch is not None
        work(batch)
    seconds = time.perf_counter() - start
    if source is not None:
        source.close()
    return steps / seconds


def _maker(window: int) -> Callable[[np.ndarray, np.random.Generator], Pair]:
    side = round(window * CACHE_MARGIN)
    base = tissue_like(side, side)
    images = np.stack([np.roll(base, 7 * shift, axis=1) for shift in range(IMAGES)])
    labels = np.arange(IMAGES) % CLASSES
    config = FinetuneConfig(data=Path(), out=Path(), image_size=window)
    jitter = StainJitter(
        "he", config.stain_scale, config.stain_shift, config.gamma, config.brightness
    )
    recipe = Recipe(config, jitter)
    spec = InputSpec(window_px=window)

    def make(rows: np.ndarray, rng: np.random.Generator) -> Pair:
        pixels = to_tensor(recipe.perturb(recipe.crops(images, rows, rng), rng), spec)
        return mixup(pixels, soft_targets(labels[rows], CLASSES, 0.0), config.mixup, rng)

    return make


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", default="nano")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--steps", type=int, default=12)
    return parser.parse_args()


if __name__ == "__main__":
    main()
