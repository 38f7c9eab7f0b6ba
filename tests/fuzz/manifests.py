"""Tables that name the images of a data folder."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.harness import Door, Sample
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


DOOR = Door("manifests", samples, enter, text=True, short=20)
