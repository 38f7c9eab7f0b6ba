"""Messages as bytes between the two processes.

A frame is its length (8 bytes, little-endian) and a pickle. The pipe is private to a parent and
its own child; still, only the dataclasses and texts of ``ALLOWED_MODULES`` are ever rebuilt, so a
damaged or hostile frame can name nothing else.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, BinaryIO

LENGTH_BYTES = 8
MAX_FRAME_BYTES = 1 << 31  # far above any picture that we send; a larger length is damage
ALLOWED_MODULES = (
    "ssmamba.engine.messages",
    "ssmamba.reading.values",
    "ssmamba.rois.roi",
    "ssmamba.wording",
)


class WireError(Exception):
    """The bytes are not a message of ours."""


def encode(message: object) -> bytes:
    """The frame of one message."""
    body = pickle.dumps(message, protocol=5)
    return len(body).to_bytes(LENGTH_BYTES, "little") + body


def write_message(stream: BinaryIO, message: object) -> None:
    """Write one message and flush. Raises OSError when the other end has closed."""
    stream.write(encode(message))
    stream.flush()


def read_message(stream: BinaryIO) -> Any:
    """Wait for the next message. Raises EOFError when the other end has closed, else WireError."""
    length = int.from_bytes(_read_exactly(stream, LENGTH_BYTES), "little")
    if length > MAX_FRAME_BYTES:
        raise WireError(f"a frame of {length} bytes")
    body = _read_exactly(stream, length)
    try:
        return _Unpickler(io.BytesIO(body)).load()
    except WireError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise WireError(f"a frame that is no message ({error})") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in ALLOWED_MODULES and "." not in name:
            return super().find_class(module, name)
        raise WireError(f"a frame that names {module}.{name}")


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            raise EOFError("the other end of the pipe is closed")
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
