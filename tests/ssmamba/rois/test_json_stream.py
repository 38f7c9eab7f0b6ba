"""Reading piece by piece gives what json.loads gives, and lets other threads work."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.rois.json_stream import features

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(VALUES, max_size=4), VALUES, st.sampled_from([None, 2]), st.booleans())
def test_every_form_gives_its_features(
    items: list[Any], other: Any, indent: int | None, before: bool
) -> None:
    around = {"type": "FeatureCollection", "nested": {"features": [other]}}
    members = {"features": items, **around} if before else {**around, "features": items}
    assert list(features(json.dumps(members, indent=indent))) == items
    assert list(features(json.dumps(items, indent=indent))) == items
    assert list(features(f" \n{json.dumps(around, indent=indent)}\t")) == [around]


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2", "[1 2]", "[1,]", '{"a" 1}', '{"a": 1,}', "{1: 2}", '{"features": [1}', "[] []"],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(features(text))


def test_other_threads_are_not_kept_waiting() -> None:
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": list(range(60))}}
    text = json.dumps({"type": "FeatureCollection", "features": [feature] * 60_000})  # 20 MB
    turns = 0  # in which this thread got on beside the reading one
    reading = threading.Thread(target=lambda: [None for _ in features(text)])
    reading.start()
    while reading.is_alive():
        time.sleep(0.005)
        turns += 1
    reading.join()
    assert turns > 3
