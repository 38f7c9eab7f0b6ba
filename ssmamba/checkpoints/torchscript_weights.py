"""Whether the weights of a TorchScript archive lie within what the archive holds of them.

torch's own reader believes the sizes that the file states (2.14: a tensor that is stated larger
than its record is read from memory beyond it). Here its pickle is followed with nothing but
placeholders, so that no code of it is found, and every tensor is compared with its record.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import Any

ITEM_BYTES = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2,
    "LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1,
    "BoolStorage": 1, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip
PICKLES = {"data.pkl": "data/", "constants.pkl": "constants/"}  # and where their weights lie
TENSOR = ("torch._utils", "_rebuild_tensor_v2")
MAKERS = ("torch._utils", "torch._tensor")  # modules whose functions make tensors


class WrongWeights(ValueError):
    """A weight is not what the file states of it."""


def check_weights(archive: zipfile.ZipFile) -> None:
    """Raise WrongWeights, or what Python's pickle raises of a damaged one."""
    entries = {e.filename.partition("/")[2]: e for e in archive.infolist()}
    for name, folder in PICKLES.items():
        if name in entries:
            sizes = {
                key.removeprefix(folder): entry.file_size
                for key, entry in entries.items()
                if key.startswith(folder)
            }
            _Follower(archive.read(entries[name]), sizes).load()


class _Thing:
    """In the place of every class and function that a pickle names."""

    def __new__(cls, *_: Any, **__: Any) -> _Thing:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


class _Follower(pickle.Unpickler):
    def __init__(self, data: bytes, sizes: dict[str, int]) -> None:
        super().__init__(io.BytesIO(data))
        self._sizes = sizes  # bytes of each record

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == TENSOR:
            return _check_tensor
        if module in MAKERS:
            raise WrongWeights(f"a weight of the kind {name[:40]} is not known")
        return type(name, (_Thing,), {}) if name.endswith("Storage") else _Thing

    def persistent_load(self, pid: Any) -> int:
        """Numbers in a record, which is a storage's place in the following."""
        _, kind, key, _, count, *_ = pid
        size = ITEM_BYTES.get(getattr(kind, "__name__", ""))
        if size is None or not isinstance(count, int) or count < 0:
            raise WrongWeights("a weight is of no kind that is known")
        if self._sizes.get(str(key), -1) < count * size:
            raise WrongWeights(f"the record {str(key)[:40]} is shorter than it should be")
        return count


def _check_tensor(count: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Thing:
    """count: numbers in the tensor's record."""
    numbers = (count, offset, *shape, *strides)
    if not all(isinstance(n, int) and n >= 0 for n in numbers) or len(shape) != len(strides):
        raise WrongWeights("a weight has a shape that cannot be")
    reach = sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if 0 not in shape and offset + reach >= count:
        raise WrongWeights("a weight reaches beyond its record")
    return _Thing()
