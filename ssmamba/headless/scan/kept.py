"""Answers to a slide's windows on the disk while it is read, so that a killed run can go on.

A file of frames, one for each batch, in order: a CRC-32 (4 bytes, little-endian), then the doubts
of its N windows (uint8) and their probabilities (N × K float32, little-endian). A frame that was
torn ends the file. What it belongs to stands in a JSON file beside it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from ssmamba.files import read_json, write_json
from ssmamba.inference.stream import Answers

FRAMES_FILE, KEY_FILE = "answers.part", "state.json"
CRC_BYTES = 4


class KeptAnswers:
    """The answers of a slide so far.

    Args:
        folder: of the slide's results; its lock is held.
        key: everything that the answers depend on; those of another key are discarded.
        counts: windows in each batch.
        classes: K.

    Raises OSError where the disk takes nothing.
    """

    def __init__(
        self, folder: Path, key: dict[str, Any], counts: Sequence[int], classes: int
    ) -> None:
        self._path, self._key_path = folder / FRAMES_FILE, folder / KEY_FILE
        total = sum(counts)
        self.probabilities = np.zeros((total, classes), np.float32)
        self.doubts = np.zeros(total, np.uint8)
        self._starts = np.cumsum([0, *counts]).tolist()
        self.batches = 0  # that are there
        if read_json(self._key_path) != key:
            self._path.unlink(missing_ok=True)
            write_json(self._key_path, key)
        end = self._read()
        self._file = self._path.open("ab", buffering=0)
        self._file.truncate(end)

    def add(self, answers: Answers) -> None:
        """Keep the next batch's answers. Raises OSError where the disk takes none."""
        body = answers.doubts.tobytes() + answers.probabilities.astype("<f4").tobytes()
        frame = zlib.crc32(body).to_bytes(CRC_BYTES, "little") + body
        written = self._file.write(frame)
        while written < len(frame):  # a disk that is nearly full takes a part
            written += self._file.write(frame[written:])
        self._take(answers.doubts, answers.probabilities)

    def _take(self, doubts: np.ndarray, probabilities: np.ndarray) -> None:
        first, end = self._starts[self.batches : self.batches + 2]
        self.doubts[first:end], self.probabilities[first:end] = doubts, probabilities
        self.batches += 1

    def _read(self) -> int:
        """Take the whole frames; returns where they end, bytes."""
        if not self._path.exists():
            return 0
        end, classes = 0, self.probabilities.shape[1]
        with self._path.open("rb") as file:
            while self.batches + 1 < len(self._starts):
                count = self._starts[self.batches + 1] - self._starts[self.batches]
                check = file.read(CRC_BYTES)
                body = file.read(count * (1 + 4 * classes))
                if len(body) < count * (1 + 4 * classes) or zlib.crc32(body) != int.from_bytes(
                    check, "little"
                ):
                    break
                values = np.frombuffer(body, "<f4", offset=count).reshape(count, classes)
                self._take(np.frombuffer(body, np.uint8, count), values)
                end += CRC_BYTES + len(body)
        return end

    @staticmethod
    def remove(folder: Path) -> None:
        """Remove the files: the results are written."""
        for name in (FRAMES_FILE, KEY_FILE):
            with suppress(OSError):
                (folder / name).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
