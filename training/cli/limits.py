"""Which numbers flags may have, so that an impossible one is refused before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssmamba.errors import DataError


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``."""

    low: float
    high: float | None = None
    open_low: bool = False  # low itself is out
    open_high: bool = False  # high itself is out

    def holds(self, value: float) -> bool:
        """False also for what is no number."""
        above = value > self.low if self.open_low else value >= self.low
        if self.high is None:
            return above and value != float("inf")
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low = f"above {self.low:g}" if self.open_low else f"{self.low:g} or more"
        if self.high is None:
            return low
        return f"{low} and {'below' if self.open_high else 'at most'} {self.high:g}"


COUNT, SOME, AMOUNT = Range(1), Range(0, open_low=True), Range(0)
SHARE, PART = Range(0, 1), Range(0, 1, open_high=True)

LIMITS: dict[str, Range] = {
    **dict.fromkeys(
        ("epochs", "batch_size", "accumulate", "validate_every", "image_size", "d_state", "jobs",
         "pretrain_epochs", "pretrain_batch_size", "decoder_dim", "mask_unit", "bank",
         "neighbours"),
        COUNT,
    ),
    **dict.fromkeys(
        ("lr", "pretrain_lr", "cache_gib", "blur_sigma", "temperature", "baseline_width"), SOME
    ),
    **dict.fromkeys(
        ("seed", "split_seed", "weight_decay", "warmup_epochs", "clip_norm", "mixup", "resamples",
         "decoder_depth", "stain_scale", "stain_shift", "brightness", "colour_cast", "noise_sigma",
         "mlp_ratio", "stain_jitter", "most", "images", "mosaics", "roi_px", "mpp", "per_slide",
         "positives"),
        AMOUNT,
    ),
    **dict.fromkeys(("blur", "noise", "tissue", "lesion"), SHARE),
    **dict.fromkeys(("ema_decay", "drop_path", "label_smoothing", "gamma", "key_momentum"), PART),
    "folds": Range(2),
    "crop_min": Range(0, 1, open_low=True),
    "mask_ratio": Range(0, 1, open_low=True, open_high=True),
}  # fmt: skip


def refuse_impossible(config: Any) -> None:
    """Raise DataError for the first number of a config that is out of its range."""
    kernels = getattr(config, "kernels", None) or ()
    if any(width < 1 or width % 2 == 0 for width in kernels):
        raise DataError(f"--kernels {list(kernels)} must be odd numbers, such as '[3, 5]'.")
    for name, value in vars(config).items():
        allowed = LIMITS.get(name)
        if allowed is None or value is None or allowed.holds(value):
            continue
        raise DataError(f"--{name.replace('_', '-')} {value:g} must be {allowed}.")
