"""Pre-training methods (SSMamba Table 7), by the names of --method."""

from typing import Any

from training.methods.base import Material, Method
from training.methods.contrastive import Contrastive
from training.methods.mamim_plus import MAMIMPlusMethod
from training.methods.masked import MAEMethod, MAMIMMethod

METHODS: dict[str, type[Method[Any]]] = {
    "mamim": MAMIMMethod,
    "mamim+": MAMIMPlusMethod,
    "mae": MAEMethod,
    "contrastive": Contrastive,
}

__all__ = ["METHODS", "Material", "Method"]
