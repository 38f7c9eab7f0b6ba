"""A run's own folder: never overwritten, and continued only with the same settings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import yaml

from ssmamba.errors import DataError
from ssmamba.files import remove_partials, write_text
from ssmamba.lock import locked_folder
from training.cli.command import as_yaml
from training.config import FinetuneConfig, PretrainConfig, RunConfig
from training.data.catalog import SPLITS, refuse_out
from training.data.dataset import Dataset
from training.loop.epoch_log import LOG_FILE
from training.loop.state import PREVIOUS_STATE, STATE_FILE
from training.slides.config import SlideFinetuneConfig, SlidePretrainConfig

CONFIG_FILE, SPLIT_FILE = "config.yaml", "split.csv"
CONFIGS: dict[str, type] = {
    "pretrain": PretrainConfig,
    "finetune": FinetuneConfig,
    "slide_finetune": SlideFinetuneConfig,
    "slide_pretrain": SlidePretrainConfig,
}
FREE_TO_CHANGE = {
    "resume", "out", "data", "cohort", "dataset_info", "name", "tags", "cache_gib", "init",
    "only_fold",
}  # fmt: skip


def refuse_used_folder(config: RunConfig) -> None:
    """Raise DataError when --out is a file, lies in the data, or holds a run without --resume."""
    refuse_out(config.data, config.out)
    if is_begun(config.out) and not config.resume:
        raise DataError(
            f"{config.out} already contains a run; give --resume to continue it, or choose another "
            "--out."
        )


def is_begun(folder: Path) -> bool:
    """Whether a run left something there that can be continued.

    One that was killed before its first epoch did not, whatever it wrote.
    """
    begun = any((folder / name).exists() for name in (STATE_FILE, PREVIOUS_STATE, LOG_FILE))
    return begun or any(folder.glob("*/state.*pt"))


@contextmanager
def claimed_folder(config: RunConfig, section: str, dataset: Dataset) -> Iterator[None]:
    """Hold the run's folder, with config.yaml and split.csv (path, label, split, hash) in it.

    Raises DataError when another process works there, or when the run in it was started with
    different settings or images.
    """
    text, split = as_yaml(section, replace(config, resume=False)), split_table(dataset)
    with locked_folder(config.out):
        refuse_used_folder(config)  # another process may have come and gone
        if is_begun(config.out):
            refuse_other_values(config.out / CONFIG_FILE, text, section)
            _refuse_other_images(config.out / SPLIT_FILE, split)
        for folder in (config.out, *config.out.glob("lr-*/")):
            remove_partials(folder)
        write_text(config.out / CONFIG_FILE, text)
        write_text(config.out / SPLIT_FILE, split)
        yield


def split_table(dataset: Dataset) -> str:
    """CSV of every image with its split."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["path", "label", "split", "hash"])
    for split in SPLITS:
        for item, digest in zip(dataset.items(split), dataset.hashes(split), strict=True):
            writer.writerow([item.path, item.label, split, digest])
    return file.getvalue()


def refuse_other_values(path: Path, text: str, section: str) -> None:
    """Raise DataError when the config at ``path`` (if any) differs from ``text`` in a value that
    affects the result.

    A flag that is newer than the run had its default.
    """
    if not path.is_file():
        return
    try:
        before: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))[section]
    except (yaml.YAMLError, KeyError, TypeError, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} is not a config of training.{section}; choose another --out."
        ) from error
    now = yaml.safe_load(text)[section]
    defaults = {f.name: f.default for f in fields(CONFIGS[section]) if f.default is not MISSING}
    before = {**defaults, **before}
    changed = sorted(
        name
        for name in (before.keys() | now.keys()) - FREE_TO_CHANGE
        if before.get(name) != now.get(name)
    )
    if changed:
        listed = ", ".join(f"--{name.replace('_', '-')} was {before.get(name)}" for name in changed)
        raise DataError(
            f"The run in {path.parent} was started with different settings ({listed}); give the "
            "same ones to continue it, or choose another --out."
        )


def _refuse_other_images(path: Path, split: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") != split:
        raise DataError(
            f"The images or their split have changed since the run in {path.parent} was started; "
            "restore them, or start a new run with another --out."
        )
