"""What an adapter knows of one published encoder: architecture, input, names in its file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

Triple = tuple[float, float, float]
State = dict[str, Tensor]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Adapter:
    """One published encoder.

    Its weights are gated or bound to a licence: the user brings the file, nothing is downloaded.
    """

    name: str  # of --arch and of the card's architecture
    title: str  # for people
    window_px: int  # side of its input
    arguments: dict[str, Any]  # of the published architecture; kept in the card
    build: Callable[[dict[str, Any], int], nn.Module]  # arguments, classes (0 = no head)
    source: str  # where a user finds the file
    licence: str
    convert: Callable[[State], State] = dict  # names of the published file -> ours
    unused: tuple[str, ...] = ()  # patterns of published tensors that classify no image
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    remark: str = ""  # what training.convert tells beside the licence

    def fitted(self, published: State) -> State:
        """The tensors that the network takes, under its own names."""
        patterns = [re.compile(pattern) for pattern in self.unused]
        kept = {k: v for k, v in published.items() if not any(p.match(k) for p in patterns)}
        return self.convert(kept)


def renamed(state: State, rules: dict[str, str]) -> State:
    """Replace the first prefix that fits; other names stay, so that a check finds them."""
    found = {}
    for name, value in state.items():
        old = next((prefix for prefix in rules if name.startswith(prefix)), "")
        found[rules.get(old, "") + name.removeprefix(old)] = value
    return found
