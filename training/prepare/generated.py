"""Images of tissue that ssmamba.generated draws: a data set that everybody has."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ssmamba.errors import DataError
from ssmamba.generated.patches import SEEDS, Patch, draw_patches
from ssmamba.generated.sheet import MPP
from training.loop.progress import Progress
from training.prepare.config import PrepareConfig
from training.prepare.gather import Found, Gathered, gather
from training.prepare.write import IMAGES

LEAST_SEEDS = 10  # with fewer, a 7:1:2 split by seed leaves a part empty


def chosen_seeds(config: PrepareConfig) -> range:
    """The seeds to draw. Raises DataError."""
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    if config.seeds < LEAST_SEEDS:
        raise DataError(f"--seeds {config.seeds} are too few for a split; give {LEAST_SEEDS}.")
    if seeds[0] not in SEEDS or seeds[-1] not in SEEDS:
        raise DataError(
            f"--first-seed {config.first_seed}: seeds go from {SEEDS[0]} to {SEEDS[-1]}."
        )
    return seeds


def draw_images(seeds: range, work: Path) -> Gathered:
    """Draw the images of all seeds below ``work``; those that are there are drawn again."""
    images: list[Found] = []
    with Progress("Drawing tissue", len(seeds)) as progress:
        for number, seed in enumerate(seeds, start=1):
            images += [_write(patch, work) for patch in draw_patches(seed)]
            progress.update(number)
    gathered = gather(images)
    return Gathered(gathered.images, mpp=MPP)


def _write(patch: Patch, work: Path) -> Found:
    name = f"{patch.kind}/{patch.seed}-{patch.number}.jpg"
    path = work / IMAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(patch.image).save(path, quality=patch.quality)
    return Found(path, patch.kind, name, group=f"seed-{patch.seed}")
