"""bfloat16 where it pays: which dtype each operation of a network runs in, at each size.

Processors with AMX or AVX512-BF16 multiply bfloat16 2 to 6 times as fast as float32, but not small
products, and the passes around them cost the same. So an operation is timed in both dtypes when it
first comes up at a size (the next power of two of its entries), on the input at hand; what was
quicker is kept in a small file for this processor, version of torch and number of threads. Sums,
norms' statistics, softmax and the scan are float32 in any case.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch

from ssmamba.errors import DataError, InputError
from ssmamba.files import keep_json
from ssmamba.kernels.cache import user_cache

logger = logging.getLogger(__name__)

VARIABLE = "SSMAMBA_PRECISION"  # float32: nothing is lowered, wherever
Precision = Literal["float32", "bfloat16"]
FILE = "precision.json"
ROUNDS = 4
WORTH = 0.95  # of float32's time: less is not worth a rounding
T = TypeVar("T")


@cache
def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 by instructions of its own."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return any(
        getattr(torch.cpu, name, lambda: False)()
        for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    )


def forced() -> str:
    """What the user asks for in SSMAMBA_PRECISION; "" for what pays. Raises InputError."""
    name = os.environ.get(VARIABLE, "").strip()
    if name not in ("", "float32"):
        raise InputError(
            "{variable}={name} is not known; give float32, or unset it.",
            variable=VARIABLE,
            name=name,
        )
    return name


@cache
def processor() -> str:
    """Its name as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


class Choices:
    """What was measured on this machine, in a file that all processes share.

    A file that cannot be read or written costs the measurement again, nothing else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_cache() / FILE
        self._here = f"{processor()} | torch {torch.__version__}"
        self._found: dict[str, Precision] | None = None

    def get(self, key: str) -> Precision | None:
        if self._found is None:
            self._found = self._read().get(self._here, {})
        return self._found.get(key)

    def keep(self, key: str, choice: Precision) -> None:
        self.get(key)
        assert self._found is not None
        self._found[key] = choice
        everything = self._read()
        everything[self._here] = self._found = {**everything.get(self._here, {}), **self._found}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            keep_json(self.path, everything)
        except (OSError, DataError) as error:
            logger.debug("%s cannot be kept: %s", self.path, error)

    def _read(self) -> dict[str, dict[str, Precision]]:
        try:
            content: Any = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        known = ("float32", "bfloat16")
        if not isinstance(content, dict):
            return {}
        return {
            machine: {key: value for key, value in choices.items() if value in known}
            for machine, choices in content.items()
            if isinstance(choices, dict)
        }


class Precisions:
    """Chooses for the operations of one network, and remembers whether any was lowered.

    lower: whether bfloat16 may be used at all.
    """

    def __init__(self, lower: bool, choices: Choices | None = None) -> None:
        wish = forced()  # an unknown one is refused on every processor
        self.lower = lower and has_fast_bfloat16() and not wish
        self._choices = choices or Choices()
        self.lowered = False

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Nothing is lowered meanwhile."""
        before, self.lower = self.lower, False
        try:
            yield
        finally:
            self.lower = before

    def run(
        self,
        operation: str,
        entries: int,
        work: Callable[[torch.dtype], T],
        prepare: Callable[[], object] | None = None,
    ) -> T:
        """``work`` in the dtype that pays for an operation with so many entries.

        ``prepare`` comes before a measurement, as ``work`` is then done several times.
        """
        if not self.lower:
            return work(torch.float32)
        size = 1 << (entries - 1).bit_length()
        key = f"{operation}, {size} entries, {torch.get_num_threads()} threads"
        choice = self._choices.get(key)
        if choice is None:
            if prepare is not None:
                prepare()
            choice = quicker(work)
            self._choices.keep(key, choice)
        if choice == "float32":
            return work(torch.float32)
        self.lowered = True
        return work(torch.bfloat16)


def quicker(work: Callable[[torch.dtype], object]) -> Precision:
    """The dtype whose best time of some is shorter, in turns."""
    dtypes = (torch.float32, torch.bfloat16)
    for dtype in dtypes:
        work(dtype)  # brings its weights into order
    best = {dtype: float("inf") for dtype in dtypes}
    for _ in range(ROUNDS):
        for dtype in dtypes:
            start = time.perf_counter()
            work(dtype)
            best[dtype] = min(best[dtype], time.perf_counter() - start)
    return "bfloat16" if best[torch.bfloat16] < WORTH * best[torch.float32] else "float32"
