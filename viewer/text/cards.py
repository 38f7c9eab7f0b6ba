"""A checkpoint's card in words for people; no Qt."""

from __future__ import annotations

from typing import Any

from viewer.state.library import Model
from viewer.text import formats

TAG_WORDS = {
    "mixer": "mixer",
    "embedding": "embedding",
    "pretraining": "pre-training",
    "act": "activation",
}
PRETRAINING_WORDS = {
    "none": "none (trained from scratch)",
    "mamim": "masked image modelling on the same kind of tissue (MAMIM)",
    "mae": "masked autoencoder",
    "contrastive": "contrastive",
}


def headline(model: Model) -> str:
    """Two lines: tissue and stain; how good it is, or what it is for."""
    card = model.card
    if model.classifies:
        use = _accuracy(card.metrics) or formats.count(len(card.classes), "class")
    else:
        use = "For reconstructions" if model.reconstructs else "Backbone to fine-tune"
    about = _joined(card.input.tissue, card.input.stain)
    return "\n".join(line for line in (f"{about[:1].upper()}{about[1:]}", use) if line)


def card_lines(model: Model) -> list[tuple[str, str]]:
    """(term, text) pairs of what a user should know before trusting a model."""
    card = model.card
    lines = [
        ("Tissue and stain", _joined(card.input.tissue, card.input.stain)),
        ("Classes", ", ".join(card.class_names)),
        ("Measured", "; ".join(_measured(card.metrics))),
        ("Scale", _scale(model)),
        ("Pre-training", PRETRAINING_WORDS.get(card.pretraining, card.pretraining)),
        ("Ablation", ", ".join(f"{TAG_WORDS.get(k, k)}: {v}" for k, v in card.tags.items())),
        ("Architecture", _architecture(model)),
        ("Trained on", _data(card.dataset)),
        ("Licence of the data", _joined(card.licence, card.attribution)),
        ("File", model.path),
    ]
    return [(term, text) for term, text in lines if text]


def _joined(*parts: str) -> str:
    return " · ".join(p for p in parts if p)


def _accuracy(metrics: dict[str, Any]) -> str:
    for split in ("test", "val"):
        value = metrics.get(split, {}).get("accuracy")
        if isinstance(value, float):
            return f"{value * 100:.1f} % {_split_word(split)} accuracy"
    return ""


def _measured(metrics: dict[str, Any]) -> list[str]:
    found = []
    for split, values in metrics.items():
        if not isinstance(values, dict):
            continue
        words = []
        if isinstance(values.get("accuracy"), float):
            words.append(f"accuracy {values['accuracy'] * 100:.1f} %")
        if isinstance(values.get("macro_f1"), float):
            words.append(f"macro-F1 {values['macro_f1']:.3f}")
        if isinstance(values.get("psnr"), float):
            words.append(f"reconstruction {values['psnr']:.2f} dB")
        if words:
            n = values.get("n")
            where = f" on {n} {_split_word(split)} images" if n else f" ({_split_word(split)})"
            found.append(", ".join(words) + where)
    return found


def _split_word(split: str) -> str:
    return {"test": "test", "val": "validation", "train": "training"}.get(split, split)


def _scale(model: Model) -> str:
    spec = model.card.input
    window = f"windows of {spec.window_px} px"
    if spec.mpp is None:
        return f"{window}, scale unknown (the training images had no µm/px)"
    return f"{window} at {spec.mpp:.3g} µm/px ({spec.window_px * spec.mpp:.0f} µm wide)"


def _architecture(model: Model) -> str:
    card = model.card
    size = str(card.config.get("size", ""))
    name = card.arch.removeprefix("timm:")
    name = {"ssmamba": "SSMamba", "vmamba": "VMamba"}.get(name, name)
    count = formats.parameters(model.parameters) if model.parameters else ""
    return _joined(f"{name} {size}".strip(), count)


def _data(dataset: dict[str, Any]) -> str:
    name = str(dataset.get("name", ""))
    counts = dataset.get("counts")
    if isinstance(counts, dict) and all(isinstance(v, int) for v in counts.values()):
        parts = ", ".join(f"{v} {_split_word(k)}" for k, v in counts.items())
        return f"{name} ({parts})" if parts else name
    return name
