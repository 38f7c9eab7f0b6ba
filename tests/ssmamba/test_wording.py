"""Texts for people keep their parts, through processes and errors, and are plain text otherwise."""

from __future__ import annotations

import ast
import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import ssmamba
from ssmamba import errors
from ssmamba.engine.messages import EngineReady
from ssmamba.engine.wire import LENGTH_BYTES, encode, read_message
from ssmamba.errors import NoTissue, ScaleNeeded, SlideError, did_you_mean, explain_failure
from ssmamba.slides.picture import UnreadableImage
from ssmamba.wording import Words, without_stop, words

# What the window's user meets; the commands' own texts (headless) are English.
ROOMS = (
    "checkpoints", "engine", "explain", "features", "inference", "models", "ops", "reading",
    "rois", "runtime", "slides",
)  # fmt: skip


def test_a_text_is_its_english_and_keeps_what_it_is_made_of() -> None:
    text = words("{name} is {width:.1f} µm wide.", name="A", width=np.float32(2.25))
    assert text == "A is 2.2 µm wide."
    assert json.loads(json.dumps({"note": text})) == {"note": "A is 2.2 µm wide."}
    assert (text.template, text.values) == (
        "{name} is {width:.1f} µm wide.",
        {"name": "A", "width": 2.25},
    )


def test_braces_stay_where_there_are_no_values() -> None:
    assert words("a {name}") == "a {name}"
    assert words(words("a {name}"), name="b") == "a b"


def test_an_error_passes_its_parts_on() -> None:
    inner = UnreadableImage("it has {count} planes", count=3)
    error = SlideError("{path} cannot be shown: {error}.", path=Path("a.tif"), error=inner)
    said = explain_failure(error)
    assert said == str(error) == "a.tif cannot be shown: it has 3 planes."
    assert isinstance(said, Words)
    reason = said.values["error"]
    assert isinstance(reason, Words) and reason.values == {"count": 3}


def test_errors_with_more_than_a_text() -> None:
    assert NoTissue("{name} is bare", name="a").found == "a is bare"
    assert str(NoTissue("{name} is bare", name="a")).startswith("a is bare; ")
    error = ScaleNeeded("{name} is too wide", 12.0, name="a")
    assert (str(error), error.suggested_px) == ("a is too wide", 12.0)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda text: pickle.loads(pickle.dumps(text))])
def test_a_copy_keeps_the_parts(again) -> None:
    text = again(words("{error}", error=words("{n} of {m}", n=np.int64(1), m=2)))
    assert text == "1 of 2"
    assert text.values["error"].values == {"n": 1, "m": 2}


def test_the_engine_sends_the_parts(tmp_path: Path) -> None:
    reason = words("no GPU: {problem}", problem=words("no NVIDIA driver found"))
    frame = tmp_path / "frame"
    frame.write_bytes(encode(EngineReady("cpu", "CPU", reason, "cpu", {})))
    assert frame.stat().st_size > LENGTH_BYTES
    with frame.open("rb") as stream:
        found = read_message(stream).device_reason
    assert found == "no GPU: no NVIDIA driver found"
    assert found.values["problem"].template == "no NVIDIA driver found"


def test_without_its_stop_a_sentence_keeps_its_parts() -> None:
    assert without_stop("Plain.") == "Plain"
    short = without_stop(words("It has {n} frames.", n=2))
    assert short == "It has 2 frames"
    assert isinstance(short, Words) and short.values == {"n": 2}


def test_near_misses_are_in_words() -> None:
    assert did_you_mean("smal", ["small", "large"]) == " (did you mean 'small'?)"
    assert did_you_mean("x", ["small", "large"]) == " (known: small, large)"


def _filled_in(source: str) -> list[int]:
    """Lines of errors and texts whose values were filled in before anybody could translate them."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", "")
            says = name in ("words", "UnreadableImage") or isinstance(vars(errors).get(name), type)
            if says and isinstance(node.args[0], ast.JoinedStr):
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_text_for_the_window_is_filled_in_at_once(room: str) -> None:
    folder = Path(ssmamba.__file__).parent / room
    wrong = {
        str(path.relative_to(folder)): lines
        for path in folder.rglob("*.py")
        if (lines := _filled_in(path.read_text(encoding="utf-8")))
    }
    assert wrong == {}, "give the values apart: SlideError('{path} …', path=path)"


def test_a_text_that_is_filled_in_at_once_is_found() -> None:
    assert _filled_in('raise SlideError(f"There is no {path}.")') == [1]
    assert _filled_in('raise SlideError("There is no {path}.", path=path)') == []
