"""The steps that can be undone and redone, as they are kept over a restart.

A step has a record under its number, with one side alone: what there was before a step that is
done, or after one that was undone. The other side is what there is when the step is taken, so that
no state of a region is written twice. What is kept reaches from the present to both sides without a
gap; a step that is damaged or too large costs itself and those beyond it.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssmamba.rois.roi import Roi
from viewer.saving.packing import from_json, to_json
from viewer.saving.records import json_of
from viewer.saving.turns import in_turns
from viewer.saving.values import region_from_json, region_to_json, seen_from_json, seen_to_json
from viewer.state.settings import ClassList
from viewer.state.undo import KeptStep, State

STEP = "undo/"  # and the step's number
KEPT_BYTES = 8 * 2**20  # of a slide's steps on disk, each way; those farthest from now are dropped
MOST_CORNERS = 400_000  # of the regions of a step that is kept
LARGEST_BYTES = 64 * 2**20  # of a step, unpacked
_UNDONE, _LOST = b'{"undone":true', b'"state":""}'  # how records begin and end


@dataclass(frozen=True)
class PackedStep:
    """A step of an earlier run, which is read when it is taken."""

    text: str
    undone: bool
    packed: str

    @property
    def state(self) -> State:
        """Raises ValueError for what cannot be read."""
        return _unpacked(self.packed)


def key_of_step(number: int) -> str:
    return f"{STEP}{number}"


def step_to_json(step: KeptStep) -> dict[str, Any]:
    packed = step.packed if isinstance(step, PackedStep) else _packed(step.state)
    return {"undone": step.undone, "text": step.text, "state": packed}


def step_from_json(value: Any) -> PackedStep:
    """Raises ValueError for what is no step, or one that was too large."""
    step = from_json(_Record, value)
    if not step.state:
        raise ValueError("a step that was too large")
    return PackedStep(step.text, step.undone, step.state)


def history_of(contents: Mapping[str, Any]) -> tuple[int, list[KeptStep]]:
    """The steps next to the present, the oldest first, and its number."""
    steps = {_number(k): v for k, v in contents.items() if isinstance(v, PackedStep)}
    steps.pop(-1, None)
    done = [number for number, step in steps.items() if not step.undone]
    undone = [number for number, step in steps.items() if step.undone]
    now = max(done) + 1 if done else min(undone, default=0)
    first = end = now
    while first - 1 in steps and not steps[first - 1].undone:
        first -= 1
    while end in steps and steps[end].undone:
        end += 1
    return first, [steps[number] for number in range(first, end)]


def too_far(live: Mapping[str, bytes], limit_bytes: int = KEPT_BYTES) -> list[str]:
    """Keys of the steps beyond the limit, or beyond one that was too large."""
    numbers = sorted((_number(key), key) for key in live if key.startswith(STEP))
    back = [key for _, key in reversed(numbers) if not live[key].startswith(_UNDONE)]
    forth = [key for _, key in numbers if live[key].startswith(_UNDONE)]
    return [key for side in (back, forth) for key in _beyond(side, live, limit_bytes)]


def _beyond(keys: Sequence[str], live: Mapping[str, bytes], limit_bytes: int) -> Iterator[str]:
    left = limit_bytes
    for key in keys:
        left = -1 if live[key].endswith(_LOST) else left - len(live[key])
        if left < 0:
            yield key


@dataclass(frozen=True)
class _Record:
    undone: bool
    text: str
    state: str


def _number(key: str) -> int:
    """-1 for a key that is none of ours."""
    number = key.removeprefix(STEP)
    return int(number) if number.isdecimal() else -1


def _packed(state: State) -> str:
    """Empty for one that is too large."""
    corners = (
        sum(len(ring) for rings in roi.polygons for ring in rings)
        for roi in state.rois.values()
        if roi is not None
    )
    if sum(corners) > MOST_CORNERS:
        return ""
    pack = zlib.compressobj(6)
    pieces = [pack.compress(piece) for piece in _pieces(state)]
    return base64.b64encode(b"".join([*pieces, pack.flush()])).decode("ascii")


def _pieces(state: State) -> Iterator[bytes]:
    """The JSON of a state: region by region, since one call for all would hold up the window."""
    classes = None if state.classes is None else to_json(state.classes)
    seen = None if state.seen is None else seen_to_json(state.seen)
    yield b'{"classes":%s,"seen":%s,"rois":{' % (json_of(classes), json_of(seen))
    mark = b""
    for roi_id, roi in in_turns(state.rois.items()):
        value = None if roi is None else region_to_json(roi)
        yield mark + json_of(roi_id) + b":" + json_of(value)
        mark = b","
    yield b"}}"


def _unpacked(packed: str) -> State:
    try:
        pack = zlib.decompressobj()
        value = json.loads(pack.decompress(base64.b64decode(packed, validate=True), LARGEST_BYTES))
        classes, seen = value["classes"], value["seen"]
        rois: dict[str, Roi | None] = {
            roi_id: None if raw is None else region_from_json(raw, roi_id)
            for roi_id, raw in value["rois"].items()
        }
    except (binascii.Error, zlib.error, RecursionError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    return State(
        rois,
        None if classes is None else from_json(ClassList, classes).checked(),
        None if seen is None else seen_from_json(seen),
    )
