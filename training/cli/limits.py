"""Ranges of the flags' numbers; values outside are refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from ssmamba.errors import DataError
from training.cli.flag_errors import dashed

# The range in words, and whether a number lies in it; infinity and NaN never do.
Limit = tuple[str, Callable[[float], bool]]
COUNT: Limit = ("1 or more", lambda x: 1 <= x < inf)
SOME: Limit = ("above 0", lambda x: 0 < x < inf)
AMOUNT: Limit = ("0 or more", lambda x: 0 <= x < inf)
SHARE: Limit = ("0 or more and at most 1", lambda x: 0 <= x <= 1)
PART: Limit = ("0 or more and below 1", lambda x: 0 <= x < 1)
SEEDS = ("seed", "split_seed")
MOST_SHOWN = 1e15  # larger numbers are cut

LIMITS: dict[str, Limit] = {
    **dict.fromkeys(
        ("epochs", "batch_size", "accumulate", "validate_every", "image_size", "d_state", "jobs",
         "pretrain_epochs", "pretrain_batch_size", "decoder_dim", "mask_unit", "bank",
         "neighbours", "published_px", "draws", "window", "predictor_dim", "predictor_depth",
         "prototypes", "head_dim", "count", "side", "patch_px", "clusters", "pictures"),
        COUNT,
    ),
    **dict.fromkeys(
        ("lr", "pretrain_lr", "cache_gib", "blur_sigma", "temperature", "baseline_width",
         "field_um", "magnification", "latent_weight", "student_temperature",
         "teacher_temperature"),
        SOME,
    ),
    **dict.fromkeys(
        ("seed", "split_seed", "weight_decay", "warmup_epochs", "clip_norm", "mixup", "resamples",
         "decoder_depth", "stain_scale", "stain_shift", "brightness", "colour_cast", "noise_sigma",
         "mlp_ratio", "stain_jitter", "most", "images", "mosaics", "roi_px", "mpp", "per_slide",
         "positives", "probe_every", "labels_a_class", "slide_mpp", "per_class", "most_regions",
         "recompute", "position_weight", "position_penalty", "local_views", "freeze_epochs",
         "weight_decay_end"),
        AMOUNT,
    ),
    **dict.fromkeys(("blur", "noise", "tissue", "lesion", "foreground"), SHARE),
    **dict.fromkeys(
        ("ema_decay", "drop_path", "label_smoothing", "gamma", "key_momentum", "teacher_momentum",
         "overlap", "alpha", "hold_aside", "censored", "centre_momentum"),
        PART,
    ),
    "inside": ("above 0 and at most 1", lambda x: 0 < x <= 1),
    "balance": ("0 or 1 and more", lambda x: x == 0 or 1 <= x < inf),
    "folds": ("2 or more", lambda x: 2 <= x < inf),
    "bins": ("2 or more", lambda x: 2 <= x < inf),
    "crop_min": ("above 0 and at most 1", lambda x: 0 < x <= 1),
    "val_share": ("above 0 and below 1", lambda x: 0 < x < 1),
    "mask_ratio": ("above 0 and below 1", lambda x: 0 < x < 1),
}  # fmt: skip


def refuse_impossible(config: Any) -> None:
    """Raise DataError for the first number of a config that is out of its range."""
    kernels = getattr(config, "kernels", None) or ()
    if any(width < 1 or width % 2 == 0 for width in kernels):
        raise DataError(f"--kernels {list(kernels)} must be odd numbers, such as '[3, 5]'.")
    for name, value in vars(config).items():
        # finetune's --overlap is a switch, prepare's a share
        if name in LIMITS and value is not None and not isinstance(value, bool):
            wanted, holds = LIMITS[name]
            if name in SEEDS and value >= 2**32:
                wanted, holds = "below 2^32", lambda _: False
            if not holds(value):
                shown = f"{value:g}" if abs(value) < MOST_SHOWN else f"{str(value)[:8]}…"
                raise DataError(f"{dashed(name)} {shown} must be {wanted}.")
