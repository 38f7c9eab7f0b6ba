"""timm's models as a card names them: built untrained, and nothing is fetched or opened."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from ssmamba.errors import CheckpointError

PLAIN_NAME = re.compile(r"\w+(\.\w+)?")  # "hf-hub:..." and "local-dir:/..." are other places
FETCHING = re.compile(r"pretrained.*|checkpoint.*|cache_dir|features_only|feature_c.*|pruned")


def timm_model(name: str, arguments: dict[str, Any], classes: int, **own: Any) -> nn.Module:
    """An untrained model of timm's with a head for ``classes``, or without one when that is 0.

    arguments: of timm.create_model, as a card has them; own: those that JSON cannot hold.
    A card comes from anybody, and timm would download or open what some arguments name: a name
    that is no plain one and such arguments raise CheckpointError.
    """
    import timm  # seconds to import: only when a baseline is asked for

    foreign = [key for key in arguments if FETCHING.fullmatch(key)]
    if not PLAIN_NAME.fullmatch(name) or foreign:
        what = f"the argument '{foreign[0]}'" if foreign else f"the model '{name}'"
        raise CheckpointError(
            "The model's card asks timm for {what}, which could download or open other files; "
            "use a checkpoint from a source that you trust.",
            what=what,
        )
    return timm.create_model(name, pretrained=False, num_classes=classes, **own, **arguments)
