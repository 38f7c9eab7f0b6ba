"""Everything that is wrong with a data folder is told in one message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.errors import DataError
from tests.training.data.catalogs import read_catalog, scan_images
from tests.training.pictures import picture, write_folder, write_manifest, write_png
from training.data.dataset import load_dataset

SPLITS = ("train", "val", "test")


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def test_an_empty_class_does_not_hide_unreadable_images_nor_copies(tmp_path: Path) -> None:
    write_folder(tmp_path, 8)
    (tmp_path / "empty").mkdir()
    cut(tmp_path / "round" / "03.png")
    write_png(tmp_path / "striped" / "copy.png", picture("round", 0))
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path, 0, quiet=True)
    message = str(caught.value)
    assert "3 problems" in message
    for part in (
        "empty: no image",
        "round/03.png: the file is incomplete",
        "copy.png (striped) is",
    ):
        assert part in message


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    write_folder(tmp_path, 8)
    try:
        (tmp_path / "round" / "linked.png").symlink_to(tmp_path / "elsewhere.png")
    except OSError:
        pytest.skip("no right to make links here")
    with pytest.raises(DataError, match=r"round/linked\.png: cannot be read"):
        load_dataset(tmp_path, 0, quiet=True)


def test_a_manifest_with_missing_files_cut_images_and_an_empty_split(tmp_path: Path) -> None:
    write_folder(tmp_path, 3)
    rows = [
        {"path": f"{kind}/{i:02d}.png", "label": kind, "split": split}
        for kind in ("round", "striped")
        for i, split in enumerate(("train", "train", "test"))
    ]
    rows += [{"path": f"gone{i}.png", "label": "round", "split": "train"} for i in range(30)]
    write_manifest(tmp_path, rows)
    cut(tmp_path / "round" / "01.png")
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path, 0, quiet=True, every_class_in=SPLITS)
    message = str(caught.value)
    assert "32 problems" in message and "there is no file gone0.png" in message
    assert "round/01.png: the file is incomplete" in message
    assert "no images of round, striped in val" in message
    assert len(message.splitlines()) < 20


def test_a_single_class_is_refused_for_training_only(tmp_path: Path) -> None:
    write_folder(tmp_path, 5)
    for file in (tmp_path / "striped").iterdir():
        file.unlink()
    (tmp_path / "striped").rmdir()
    assert load_dataset(tmp_path, 0, quiet=True).classes == ("round",)
    with pytest.raises(DataError, match="only one class"):
        load_dataset(tmp_path, 0, quiet=True, every_class_in=SPLITS)


def write_modes(root: Path) -> None:
    rgb = Image.fromarray(picture("round", 1))
    root.mkdir(parents=True)
    rgb.save(root / "plain.png")
    rgb.convert("L").save(root / "grey.png")
    rgb.convert("RGBA").save(root / "alpha.png")
    rgb.convert("CMYK").save(root / "cmyk.jpg", quality=90)
    deep = np.asarray(rgb.convert("L")).astype(np.uint16) * 256
    Image.fromarray(deep).save(root / "deep.png")


def test_odd_modes_are_told_when_the_folder_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_modes(tmp_path / "a")
    write_png(tmp_path / "b" / "1.png", picture("striped", 1))
    load_dataset(tmp_path, 0)
    told = capsys.readouterr().out
    for part in ("1 grey (a/grey.png)", "1 RGBA", "1 CMYK (a/cmyk.jpg)", "1 16 bit (a/deep.png)"):
        assert part in told
    assert "plain.png" not in told


def test_file_facts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    wide = Image.fromarray(picture("round", 1, 64)).resize((64, 48))
    for quality in (30, 75, 95):
        wide.save(tmp_path / "a" / f"{quality}.jpg", quality=quality)
    wide.save(tmp_path / "a" / "z.png")
    *jpegs, png = scan_images(read_catalog(tmp_path)).files
    assert [facts.quality for facts in jpegs] == pytest.approx([30, 75, 95], abs=1)
    assert png.quality is None and png.format == "PNG"
    assert (png.width, png.height, png.mode) == (64, 48, "RGB")
    assert png.size == (tmp_path / "a" / "z.png").stat().st_size
