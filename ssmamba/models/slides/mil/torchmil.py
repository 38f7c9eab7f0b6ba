"""Aggregators of torchmil by name, one bag at a time.

Some of its models mix padding into a bag's answer (torchmil 1.0.2), so no bag is ever padded here.
Its models end in one logit; what their last layer reads is a slide's features, and the head is
ours. Models with losses of their own know only yes or no, and are not offered.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.errors import CheckpointError, did_you_mean
from ssmamba.models.slides.encoder import SlideEncoder
from ssmamba.models.slides.published import PUBLISHED

PREFIX = "torchmil:"
LAST_LAYERS = {  # name -> its layer from a slide's features to one logit
    "ABMIL": "classifier",
    "CAMIL": "classifier",
    "DeepGraphSurv": "classifier",
    "PatchGCN": "classifier",
    "SmABMIL": "last_layer",
    "SmTransformerABMIL": "last_layer",
    "TransMIL": "classifier",
    "TransformerABMIL": "last_layer",
}
OF_PLACES = ("CAMIL", "DeepGraphSurv", "PatchGCN", "SmABMIL", "SmTransformerABMIL")
WITH_OWN_LOSSES = ("CLAM_SB", "DSMIL", "DTFDMIL", "GTP", "IIBMIL", "ProbSmoothABMIL", "SmoothABMIL",
                   "TransformerProbSmoothABMIL", "VAEABMIL")  # fmt: skip
NEAR = 1.5  # sides of a tile up to which two are neighbours, as torchmil's data sets have it
WIDTHS = ("att_dim", "nystrom_att_dim", "hidden_dim")  # arguments that ``hidden`` sets


def check_name(name: str) -> None:
    """Raise CheckpointError unless a model of torchmil's is offered by this name."""
    if name in WITH_OWN_LOSSES:
        raise CheckpointError(
            "torchmil's {name} is trained by losses of its own, which know only yes or no; choose "
            "one of {names}.",
            name=name,
            names=", ".join(LAST_LAYERS),
        )
    if name not in LAST_LAYERS:
        raise CheckpointError(
            "No model of torchmil's is known as '{name}'{hint}; choose one of these.",
            name=name,
            hint=did_you_mean(name, LAST_LAYERS),
        )


def reads_places(aggregator: str) -> bool:
    """Whether an aggregator is given where the tiles lie, beside their features."""
    if aggregator in PUBLISHED:
        return True
    return aggregator.removeprefix(PREFIX) in OF_PLACES and aggregator.startswith(PREFIX)


class TorchMIL(SlideEncoder):
    """A model of torchmil's without its last layer.

    A bag is (N, D), or (N, D + 2) for a model ``OF_PLACES``: the last two columns are x and y of
    the tiles in sides of a tile.
    """

    def __init__(self, name: str, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.places = 2 if name in OF_PLACES else 0
        self.model = _build(name, features, hidden, dropout)
        last: Any = self.model.get_submodule(LAST_LAYERS[name])
        self.num_features = int(getattr(last, "module", last).in_features)
        self._read = _Read()
        self.model.set_submodule(LAST_LAYERS[name], self._read)

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D) or (N, D + 2) -> (C,)."""
        bag = slide[None, :, : slide.shape[1] - self.places]
        if self.places:
            self.model(bag, adj=neighbours(slide[:, -self.places :])[None])
        else:
            self.model(bag)
        return self._read.take().reshape(-1)

    def empty(self, slide: Tensor) -> Tensor:
        """A bag without features at the same places."""
        empty = torch.zeros_like(slide)
        if self.places:
            empty[:, -self.places :] = slide[:, -self.places :]
        return empty


class _Read(nn.Module):
    """In the place of a last layer: keeps what that would read."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Tensor | None = None

    def forward(self, features: Tensor) -> Tensor:
        self._seen = features
        return features[..., :1]

    def take(self) -> Tensor:
        seen, self._seen = self._seen, None
        assert seen is not None
        return seen


def neighbours(places: Tensor) -> Tensor:
    """Tiles side by side or corner to corner, (N, 2) in sides of a tile -> (N, N) sparse float32.

    An entry is one over the root of both tiles' numbers of neighbours (Kipf and Welling 2017).
    """
    from sklearn.neighbors import radius_neighbors_graph  # seconds to import

    count = len(places)
    graph = radius_neighbors_graph(places.detach().cpu().double().numpy(), NEAR).tocoo()
    both = torch.from_numpy(np.stack([graph.row, graph.col]).astype(np.int64)).to(places.device)
    degree = torch.bincount(both[0], minlength=count).float()
    values = (degree[both[0]] * degree[both[1]]).rsqrt()
    return torch.sparse_coo_tensor(both, values, (count, count), check_invariants=True).coalesce()


def _build(name: str, features: int, hidden: int, dropout: float) -> nn.Module:
    """An untrained model. Raises CheckpointError."""
    check_name(name)
    try:
        from torchmil import models
    except ImportError as error:
        raise CheckpointError(
            "torchmil's {name} needs torchmil ({package} is not installed); install "
            "it with: python -m pip install -e '.[torchmil]'",
            name=name,
            package=error.name or error,
        ) from error
    kind = getattr(models, name)
    known = inspect.signature(kind.__init__).parameters
    given: dict[str, Any] = {"in_shape": (features,)}
    given |= {key: hidden for key in WIDTHS if key in known}
    given |= {"dropout": dropout} if "dropout" in known else {}
    given |= {"n_landmarks": hidden // 2} if "n_landmarks" in known else {}
    model: nn.Module = kind(**given)
    if not any(".mlp" in key for key, _ in model.named_parameters()):
        for key, value in model.named_parameters():  # of an MLP that is not there
            value.requires_grad_(".norm2." not in key)
    return model
