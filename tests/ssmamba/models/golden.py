"""What the bundled models answer to two generated pictures, as numbers that a test holds fast.

``python -m tests.ssmamba.models.golden`` writes golden.json anew; do so only where the models'
answers are meant to change, and say so in the change log.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.explain.cam import cam_maps
from ssmamba.inference.familiar import measures
from ssmamba.inference.predictor import Predictor
from ssmamba.models import MaskedModel, random_unit_mask
from ssmamba.reading.preprocess import to_tensor

MODELS = Path(__file__).parents[3] / "resources" / "models"
FILE = Path(__file__).with_name("golden.json")
SIDE = 128
Numbers = dict[str, list[float]]


def picture(seed: int, background: tuple[int, int, int], cells: int) -> np.ndarray:
    """(128, 128, 3) uint8: dark discs on mottled ground, in integers that no machine rounds."""
    rng = np.random.default_rng(seed)
    mottle = rng.integers(-25, 26, (16, 16, 3)).repeat(8, 0).repeat(8, 1)
    image = np.array(background) + mottle
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for _ in range(cells):
        (y, x), radius = rng.integers(0, SIDE, 2), rng.integers(4, 12)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        image[inside] = np.array((95, 60, 135)) + rng.integers(-15, 16, 3)
    return (image + rng.integers(-10, 11, image.shape)).clip(0, 255).astype(np.uint8)


def pictures() -> list[np.ndarray]:
    return [picture(1, (215, 150, 190), 40), picture(2, (235, 205, 200), 12)]


def names() -> list[str]:
    return sorted(path.stem for path in MODELS.glob("*.safetensors"))


def answers(name: str) -> Numbers:
    """The numbers of one bundled model, on the CPU."""
    loaded = checkpoint.load(MODELS / f"{name}.safetensors")
    if isinstance(loaded.model, MaskedModel):
        return _reconstruction(loaded, loaded.model)
    return _classification(Predictor(loaded, "cpu"))


def _classification(predictor: Predictor) -> Numbers:
    card, extra, images = predictor.card, predictor.checkpoint.extra, pictures()
    found = predictor.predict(images)
    numbers: Numbers = {"probabilities": found.probabilities.ravel().tolist()}
    batch = to_tensor(images, card.input)
    for stage in sorted({4, card.cam_stage}):
        maps = cam_maps(predictor.model, batch, "GradCAM", int(found.logits[0].argmax()), stage)
        side = maps.shape[1] // 4
        blocks = maps.reshape(2, 4, side, 4, side).mean((2, 4))
        numbers[f"cam, stage {stage}"] = blocks.ravel().tolist()
    # Sides that are no multiple of 32: nothing beyond the picture may show.
    logits, cut = predictor.predict_tensor(batch[:, :, :112, :100])
    everything = np.concatenate([found.features, cut.numpy()])
    distances = measures(extra, everything).style
    assert distances is not None
    numbers["distances"] = distances.tolist()
    numbers["logits of 112 x 100 px"] = logits.ravel().tolist()
    return numbers


def _reconstruction(loaded: Checkpoint, model: MaskedModel) -> Numbers:
    batch = to_tensor(pictures(), loaded.card.input)
    unit = model.config.mask_unit
    mask = random_unit_mask(2, SIDE, SIDE, 0.75, unit, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        pixels = model.eval().reconstruct(batch, mask)
        loss = model(batch, mask)
    return {"loss": [float(loss)], "pixels": pixels[:, :, 5::40, 5::40].flatten().tolist()}


def rounded(numbers: Numbers) -> Numbers:
    return {key: [float(f"{x:.5g}") for x in values] for key, values in numbers.items()}


def main() -> None:
    found: dict[str, Any] = {name: rounded(answers(name)) for name in names()}
    lines = (
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in numbers.items())
        + "\n  }"
        for name, numbers in found.items()
    )
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
