"""Published pathology encoders, into which the user's own weight files fit (SSMamba Table 4)."""

from ssmamba.models.foundation.adapter import Adapter
from ssmamba.models.foundation.conch import CONCH
from ssmamba.models.foundation.ctranspath import CTRANSPATH
from ssmamba.models.foundation.musk import MUSK
from ssmamba.models.foundation.vits import GIGAPATH, UNI, VIRCHOW2

ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter for adapter in (UNI, CONCH, CTRANSPATH, GIGAPATH, VIRCHOW2, MUSK)
}

__all__ = ["ADAPTERS", "Adapter"]
