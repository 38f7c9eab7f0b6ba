"""Mutated files at every door: each ends in an answer or in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzz import checkpoints, geojson, images, manifests, recipes, sessions, slides
from tests.fuzz.harness import fuzz_here

DOORS = (checkpoints, geojson, images, manifests, recipes, sessions, slides)


@pytest.mark.parametrize("module", DOORS, ids=lambda module: module.DOOR.name)
def test_some_files_end_in_an_answer_or_in_one_sentence(module, tmp_path: Path) -> None:
    tally = fuzz_here(module.DOOR, tmp_path)
    assert not tally.faults
    assert tally.counts["answered" if module is sessions else "refused"]  # sessions mend


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes as Linux has them")
@pytest.mark.parametrize("module", DOORS, ids=lambda module: module.DOOR.name)
def test_many_files_neither_crash_nor_hang_nor_fill_the_memory(module, tmp_path: Path) -> None:
    from tests.fuzz.apart import fuzz_apart  # which other systems cannot import

    tally = fuzz_apart(module.__name__, tmp_path)
    assert not tally.faults, "\n".join(tally.faults)
