"""Tables that name the images of a data folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzz.apart import fuzz_apart
from tests.fuzz.harness import Door, Sample, fuzz_here
from tests.training.pictures import CLASSES, write_folder
from training.data.dataset import load_dataset


def samples(folder: Path) -> list[Sample]:
    names = [f"{kind}/{number:02d}.png" for kind in CLASSES for number in range(3)]
    rows = [f"{name},{name.split('/')[0]},p{n % 3},{s}" for n, (name, s) in enumerate(
        zip(names, ("train", "val", "test") * 2, strict=True))]  # fmt: skip
    plain = "\n".join(["path,label,group,split", *rows]) + "\n"
    quoted = "\r\n".join(['"label","path"', *(f'"{n.split("/")[0]}","{n}"' for n in names)])
    return [Sample("manifest.csv", text.encode()) for text in (plain, quoted)]


def enter(path: Path) -> None:
    if not (path.parent / CLASSES[0]).is_dir():
        write_folder(path.parent, per_class=3, side=16)
    load_dataset(path.parent, 0, quiet=True)


DOOR = Door("manifests", samples, enter, text=True)


def test_some_files_end_in_an_answer_or_in_one_sentence(tmp_path: Path) -> None:
    tally = fuzz_here(DOOR, tmp_path, 20)
    assert not tally.faults and tally.counts["refused"]


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes as Linux has them")
def test_many_files_neither_crash_nor_hang_nor_fill_the_memory(tmp_path: Path) -> None:
    tally = fuzz_apart(__name__, tmp_path)
    assert not tally.faults, "\n".join(tally.faults)
