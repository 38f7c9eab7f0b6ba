"""python -m training.calibrate: fit what a classifier's card says of its answers again.

That is its temperature, its trust limits, and the stage at which its CAMs point best.
"""

from __future__ import annotations

import sys

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card
from ssmamba.errors import CheckpointError
from training.backbones.classifiers import run_model
from training.cli.command import run_command
from training.config import CalibrateConfig
from training.data.dataset import Dataset, load_dataset
from training.evaluation.cams import best_stage, pointing_by_stage, pointing_metrics
from training.evaluation.trust import calibrate as fit
from training.evaluation.trust import unsure_share
from training.loop.progress import console
from training.metrics.calibration import softmax
from training.metrics.classification import score
from training.runs.card import refuse_name


def main(argv: list[str] | None = None) -> int:
    return run_command(
        CalibrateConfig,
        calibrate,
        section="calibrate",
        positional="checkpoint",
        recipe=None,
        argv=argv,
    )


def calibrate(config: CalibrateConfig) -> None:
    """Fit on the checkpoint's own training and validation split; the weights stay as they are.

    Raises CheckpointError for a file that is no classifier of these classes and images.
    """
    refuse_name(config.out)
    found = checkpoint.load(config.checkpoint)
    card, spec = found.card, found.card.input
    dataset = load_dataset(config.data, int(card.dataset.get("split_seed", 0)), config.dataset_info)
    if not card.classifies or tuple(c.key for c in card.classes) != dataset.classes:
        raise CheckpointError(
            f"{config.checkpoint} is no classifier of the classes in {config.data}; give the data "
            "folder that it was fine-tuned on."
        )
    _refuse_other_images(config, found.card, dataset)
    train, val = (dataset.images(split, spec.window_px) for split in ("train", "val"))
    calibration, statistics = fit(
        run_model(found.model, train, spec)[1],
        dataset.labels("train"),
        *run_model(found.model, val, spec),
        dataset.labels("val"),
    )
    test, labels = dataset.images("test", spec.window_px), dataset.labels("test")
    logits, features = run_model(found.model, test, spec)
    probabilities = softmax(logits, calibration.temperature)
    pointing = pointing_by_stage(found.model, spec, val, dataset.labels("val"))
    metrics = {
        **card.metrics,
        "cam": pointing_metrics(pointing),
        "test": {
            "n": len(labels),
            **score(probabilities, labels),
            "unsure": unsure_share(probabilities, features, calibration, statistics),
        },
    }
    stage = best_stage(pointing)
    done = card.with_(calibration=calibration, cam_stage=stage, metrics=metrics)
    checkpoint.save(config.out, found.model, done, {**found.extra, **statistics})
    console.print(
        f"Temperature {calibration.temperature:.3f}, CAMs of stage {stage}. Wrote {config.out}"
    )


def _refuse_other_images(config: CalibrateConfig, card: Card, dataset: Dataset) -> None:
    """Limits fitted on other images, or on test images, would not be the model's."""
    known, test = set(card.training_hashes), set(dataset.hashes("test"))
    used = {*dataset.hashes("train"), *dataset.hashes("val")}
    other = len(used - known) + len(test & known)
    if known and other:
        raise CheckpointError(
            f"{other} images of {config.data} lie on another side of the split than when "
            f"{config.checkpoint} was trained, or are new; give the data folder that it was "
            "fine-tuned on."
        )


if __name__ == "__main__":
    sys.exit(main())
