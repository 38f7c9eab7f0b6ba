"""python -m training.probe: what a checkpoint's frozen features know of a data folder's classes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import DataError
from ssmamba.explain.figure import RESEARCH_USE
from ssmamba.reading.preprocess import to_tensor
from training.cli.command import run_command
from training.config import Split
from training.data.catalog import refuse_inside
from training.data.dataset import Dataset, load_dataset, split_title
from training.evaluate import refuse_overlap, write_json
from training.loop.progress import console
from training.runs.setup import make_fabric

BATCH = 32


@dataclass(frozen=True)
class ProbeConfig:
    """Probe the frozen features of a checkpoint: linear probe, neighbours, RankMe, maps."""

    checkpoint: Path  # a .safetensors file of training.pretrain or training.finetune
    data: Path  # folder of images: a folder per class, or with manifest.csv
    out: Path  # folder for probe.json and probe.png
    split: Split = "test"  # side of the data's split to look at
    split_seed: int | None = None  # None = the one the checkpoint was trained with
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)
    allow_overlap: bool = False  # probe also with images that the model was trained with
    folds: int = 5  # groups of images stay on one side
    neighbours: int = 20  # that vote
    seed: int = 0  # of the folds, the maps and the bootstrap
    resamples: int = 1000  # of the bootstrap
    accelerator: str = "auto"  # auto | cpu | cuda
    precision: str = "32-true"  # 32-true | bf16-mixed | 16-mixed


def main(argv: list[str] | None = None) -> int:
    return run_command(
        ProbeConfig, probe, section="probe", positional="checkpoint", recipe=None, argv=argv
    )


def probe(config: ProbeConfig) -> None:
    """Measure and write probe.json and probe.png. Raises DataError."""
    if config.out.exists() and not config.out.is_dir():
        raise DataError(f"{config.out} is a file; give a folder as --out.")
    refuse_inside(config.data, config.out)
    if config.folds < 2 or config.neighbours < 1:
        raise DataError("--folds must be 2 or more, and --neighbours 1 or more.")
    encoder, card = checkpoint.load_encoder(config.checkpoint)
    seed = config.split_seed
    if seed is None:
        seed = int(card.dataset.get("split_seed", 0))
    dataset = load_dataset(config.data, seed, config.dataset_info)
    refuse_overlap(card, dataset, config.split, config.allow_overlap)
    _refuse_few_groups(config, dataset)
    fabric = make_fabric(config.accelerator, config.precision)
    images = dataset.images(config.split, card.input.window_px)
    with fabric.autocast():
        features = frozen_features(encoder.to(fabric.device), images, card.input)
    result, maps = _measure(config, dataset, features)
    result = {
        "checkpoint": str(config.checkpoint),
        "name": card.name,
        "pretraining": card.pretraining,
        "dataset": dataset.info.name,
        "split": config.split,
        "split_seed": seed,
        **result,
    }
    config.out.mkdir(parents=True, exist_ok=True)
    write_json(config.out / "probe.json", result)
    _draw(config, dataset, maps, f"{card.name}: frozen features, {split_title(config.split)}")
    _tell(result)
    console.print(f"Wrote {config.out / 'probe.json'} and probe.png")


def _refuse_few_groups(config: ProbeConfig, dataset: Dataset) -> None:
    """Raise DataError before any image meets the model where a class cannot be dealt to folds."""
    from training.probe.features import least_groups

    least = least_groups(config.folds)
    labels, groups = dataset.labels(config.split), dataset.groups(config.split)
    counts = [len(np.unique(groups[labels == k])) for k in range(len(dataset.classes))]
    few = [
        f"{info.name} {n}"
        for info, n in zip(dataset.info.classes, counts, strict=True)
        if n < least
    ]
    if few:
        raise DataError(
            f"{config.folds} folds need {least} groups of images (or images without a group) of "
            f"each class in the {config.split} split: {', '.join(few)}; give fewer --folds or "
            "another --split."
        )


@torch.inference_mode()
def frozen_features(encoder: nn.Module, images: np.ndarray, spec: InputSpec) -> np.ndarray:
    """(N, F) float32 that a head would read, of images (N, S, S, 3) uint8."""
    encoder.eval()
    device = next(encoder.parameters()).device
    parts = []
    for start in range(0, len(images), BATCH):
        pixels = to_tensor(images[start : start + BATCH], spec).to(device)
        parts.append(encoder(pixels).float().cpu().numpy())
    return np.concatenate(parts)


def _measure(
    config: ProbeConfig, dataset: Dataset, features: np.ndarray
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from training.probe.features import embeddings, fold_scores, linear_probe, neighbours, rank_me

    labels, groups = dataset.labels(config.split), dataset.groups(config.split)
    dealt = (labels, groups, config.folds, config.seed)
    linear = linear_probe(features, *dealt)
    near = neighbours(features, *dealt, k=config.neighbours)
    result = {
        "n": len(labels),
        "features": features.shape[1],
        "folds": config.folds,
        "grouped": dataset.catalog.grouped,
        "linear": fold_scores(linear, *dealt, config.resamples),
        "knn": {"k": config.neighbours, **fold_scores(near, *dealt, config.resamples)},
        "rank_me": rank_me(features),
        "rank_me_most": min(features.shape),
    }
    return result, dict(embeddings(features, config.seed))


def _tell(result: dict[str, Any]) -> None:
    for name, title in (("linear", "Linear probe"), ("knn", f"{result['knn']['k']} neighbours")):
        found = result[name]
        low, high = found["accuracy_ci"]
        console.print(
            f"{title}: accuracy {found['accuracy']:.4f} [{low:.4f}, {high:.4f}], macro-F1 "
            f"{found['macro_f1']:.4f}, {result['folds']} folds (sd {found['fold_accuracy_sd']:.4f})"
        )
    console.print(f"RankMe {result['rank_me']:.1f} of {result['rank_me_most']}")


def _draw(config: ProbeConfig, dataset: Dataset, maps: dict[str, np.ndarray], title: str) -> None:
    """A panel for each map, a colour for each class."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(maps), 5.6), layout="constrained")
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    labels = dataset.labels(config.split)
    for axes, (name, places) in zip(panels, maps.items(), strict=True):
        for number, info in enumerate(dataset.info.classes):
            chosen = places[labels == number]
            colour = tuple(value / 255 for value in info.color)
            axes.scatter(chosen[:, 0], chosen[:, 1], s=9, color=colour, label=info.name, lw=0)
        axes.set_title(name, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=7, frameon=False)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    figure.savefig(config.out / "probe.png", dpi=150)


if __name__ == "__main__":
    sys.exit(main())
