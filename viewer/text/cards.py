"""A checkpoint's card in words; no Qt."""

from __future__ import annotations

import math
from typing import Any

from ssmamba.checkpoints.card import Card
from ssmamba.checkpoints.wsinfer import TORCHSCRIPT
from viewer.text import formats
from viewer.text.tr import tr

TAG_WORDS = {
    "mixer": tr("mixer"),
    "embedding": tr("embedding"),
    "pretraining": tr("pre-training"),
    "act": tr("activation"),
}
PRETRAINING_WORDS = {
    "none": tr("none (trained from scratch)"),
    "mamim": tr("masked image modelling on the same kind of tissue (MAMIM)"),
    "mamim+": tr("masked image modelling with an image-level target (MAMIM+)"),
    "mae": tr("masked autoencoder"),
    "contrastive": tr("contrastive"),
}

SLIDE_QUESTIONS = {
    "classes": tr("One class for a whole slide"),
    "grades": tr("One grade for a whole slide"),
    "survival": tr("Survival from a whole slide"),
}


def headline(card: Card) -> str:
    """Two lines: tissue and stain; accuracy or purpose."""
    if card.classifies:
        use = _accuracy(card.metrics) or formats.classes(len(card.classes))
    elif card.answers_slides:
        use = SLIDE_QUESTIONS.get(str(card.answer.get("question")), SLIDE_QUESTIONS["classes"])
    else:
        use = tr("For reconstructions") if card.reconstructs else tr("Backbone for fine-tuning")
    about = _joined(card.input.tissue, card.input.stain)
    return "\n".join(line for line in (f"{about[:1].upper()}{about[1:]}", use) if line)


def card_lines(card: Card, path: str, parameters: int | None) -> list[tuple[str, str]]:
    """(term, text) pairs of what a user should know before trusting a model."""
    lines = [
        (tr("Tissue and stain"), _joined(card.input.tissue, card.input.stain)),
        (tr("Classes"), ", ".join(card.class_names)),
        (tr("Performance"), "; ".join(_measured(card.metrics))),
        (tr("Scale"), _scale(card)),
        (tr("Pre-training"), PRETRAINING_WORDS.get(card.pretraining, card.pretraining)),
        (tr("Ablation"), ", ".join(f"{TAG_WORDS.get(k, k)}: {v}" for k, v in card.tags.items())),
        (tr("Architecture"), _architecture(card, parameters)),
        (tr("Training data"), _data(card.dataset)),
        (tr("Data licence"), _joined(card.licence, card.attribution)),
        (tr("File"), path),
    ]
    return [(term, text) for term, text in lines if text]


def _joined(*parts: str) -> str:
    return " · ".join(p for p in parts if p)


def _accuracy(metrics: dict[str, Any]) -> str:
    for split in ("test", "val"):
        value = metrics.get(split, {}).get("accuracy")
        if _is_number(value):
            return tr("{percent:.1f} % {split} accuracy").format(
                percent=value * 100, split=_split_word(split)
            )
    return ""


def _measured(metrics: dict[str, Any]) -> list[str]:
    found = []
    for split, values in metrics.items():
        if not isinstance(values, dict):
            continue
        words = []
        if _is_number(values.get("accuracy")):
            words.append(tr("accuracy {percent:.1f} %").format(percent=values["accuracy"] * 100))
        if _is_number(values.get("macro_f1")):
            words.append(tr("macro-F1 {value:.3f}").format(value=values["macro_f1"]))
        if _is_number(values.get("kappa")):
            words.append(tr("quadratic kappa {value:.3f}").format(value=values["kappa"]))
        if _is_number(values.get("c_index")):
            words.append(tr("C-index {value:.3f}").format(value=values["c_index"]))
        if _is_number(values.get("psnr")):
            words.append(tr("reconstruction {value:.2f} dB").format(value=values["psnr"]))
        if words:
            n = values.get("n")
            where = tr("{figures} on {n} {split} images") if n else tr("{figures} ({split})")
            figures = ", ".join(words)
            found.append(where.format(figures=figures, n=n, split=_split_word(split)))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _split_word(split: str) -> str:
    words = {"test": tr("test"), "val": tr("validation"), "train": tr("training")}
    return words.get(split, split)


def _scale(card: Card) -> str:
    spec = card.input
    px, mpp = spec.window_px, spec.known_mpp
    if mpp is None:
        text = tr("{px} px windows, scale unknown (the training images had no µm/px)")
        told = text.format(px=px)
    else:
        text = tr("{px} px windows at {mpp:.3g} µm/px ({um:.0f} µm wide)")
        told = text.format(px=px, mpp=mpp, um=px * mpp)
    images = tr("images of one centred cell") if spec.picture == "cell" else ""
    objective = ""
    if spec.magnification is not None:
        objective = tr("taken at {magnification:g}×").format(magnification=spec.magnification)
    return _joined(told, images, objective)


def _architecture(card: Card, parameters: int | None) -> str:
    size = str(card.config.get("architecture" if card.is_torchscript else "size", ""))
    name = card.arch.removeprefix("timm:")
    name = {"ssmamba": "SSMamba", "vmamba": "VMamba", TORCHSCRIPT: "TorchScript"}.get(name, name)
    count = formats.parameters(parameters) if parameters else ""
    return _joined(f"{name} {size}".strip(), count)


def _data(dataset: dict[str, Any]) -> str:
    name = str(dataset.get("name", ""))
    counts = dataset.get("counts")
    if isinstance(counts, dict) and all(isinstance(v, int) for v in counts.values()):
        parts = ", ".join(f"{v} {_split_word(k)}" for k, v in counts.items())
        return f"{name} ({parts})" if parts else name
    return name
