"""Folders and manifests: what is read, and one message with everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmamba.errors import DataError
from tests.training.data.catalogs import read_catalog
from tests.training.pictures import picture, write_manifest, write_png
from training.data.catalog import refuse_out


def fill(root: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        write_png(root / name, picture("round", seed, 16))


def test_a_folder_per_class(tmp_path: Path) -> None:
    fill(tmp_path, "b/2.png", "b/deep/1.png", "a/3.PNG")
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / "a" / ".hidden.png").write_bytes(b"x")
    catalog = read_catalog(tmp_path)
    assert catalog.classes == ("a", "b")
    found = [(item.path, item.label) for item in catalog.items]
    assert found == [("a/3.PNG", "a"), ("b/2.png", "b"), ("b/deep/1.png", "b")]


def test_a_manifest_with_groups_and_a_byte_order_mark(tmp_path: Path) -> None:
    fill(tmp_path, "1.png", "2.png")
    text = "path,label,group\n2.png,b,g\n1.png,a,\n"
    (tmp_path / "manifest.csv").write_text("\ufeff" + text, encoding="utf-8")
    catalog = read_catalog(tmp_path)
    assert [(i.path, i.label, i.group) for i in catalog.items] == [
        ("1.png", "a", ""),
        ("2.png", "b", "g"),
    ]
    assert catalog.grouped


@pytest.mark.parametrize(
    "text",
    [
        "path;label;group\nx/1.png;a;g\nx/2.png;b, c;g\n",
        "path\tlabel\tgroup\nx/1.png\ta\tg\nx/2.png\tb, c\tg\n",
        'Path,Label,GROUP\nx/1.png,a,g\nx/2.png,"b, c",g\n',
        'path,Label,label,group\nx/1.png,X,a,g\nx/2.png,X,"b, c",g\n',
        'path,label,group\nx\\1.png,a,g\nx\\2.png,"b, c",g\n',
    ],
    ids=["semicolons", "tabs", "capitals", "both", "backslashes"],
)
def test_manifests_as_spreadsheets_and_windows_write_them(tmp_path: Path, text: str) -> None:
    fill(tmp_path, "x/1.png", "x/2.png")
    (tmp_path / "manifest.csv").write_text(text)
    found = [(i.path, i.label, i.group) for i in read_catalog(tmp_path).items]
    assert found == [("x/1.png", "a", "g"), ("x/2.png", "b, c", "g")]


def test_the_sides_of_a_split_are_no_classes(tmp_path: Path) -> None:
    fill(tmp_path, "train/a/1.png", "Test/a/2.png", "val/b/3.png")
    with pytest.raises(DataError, match=r"the splits of a data set .*not a folder for each class"):
        read_catalog(tmp_path)


def test_results_do_not_become_a_class(tmp_path: Path) -> None:
    fill(tmp_path, "data/a/1.png", "data/b/2.png")
    data = tmp_path / "data"
    for inside in (data, data / "runs" / "x"):
        with pytest.raises(DataError, match="would count as a class"):
            refuse_out(data, inside)
    refuse_out(data, tmp_path / "data2")
    (data / "manifest.csv").write_text("path,label\na/1.png,a\n")
    refuse_out(data, data / "runs")  # only what the manifest lists is read


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, "1.png")
    with pytest.raises(DataError, match=r"1.png is a file; give the folder"):
        read_catalog(tmp_path / "1.png")


def test_all_problems_of_a_manifest_are_listed_at_once(tmp_path: Path) -> None:
    fill(tmp_path, "1.png", "2.png", "3.png")
    write_manifest(
        tmp_path,
        [
            {"path": "1.png", "label": "a", "group": "g", "split": "train"},
            {"path": "2.png", "label": "", "group": "g", "split": "test"},
            {"path": "gone.png", "label": "a", "group": "", "split": "trian"},
            {"path": "3.png", "label": "a", "group": "", "split": ""},
            {"path": "1.png", "label": "a", "group": "g", "split": "train"},
        ],
    )
    with pytest.raises(DataError) as caught:
        read_catalog(tmp_path)
    message = str(caught.value)
    for part in (
        "2.png has no label",
        "line 4: there is no file gone.png",
        "unknown split 'trian'",
        "3.png: the split is empty",
        "group g is in several splits",
        "1.png: listed more than once",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file,class\n", "lacks the column path and label"),
        ("path,label\n", "lists no images"),
        ("", "lacks the column"),
    ],
)
def test_unusable_manifests(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match=expected):
        read_catalog(tmp_path)


def test_empty_class_folders_are_named(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match=r"(?s)2 problems.*b: no image.*c: no image"):
        read_catalog(tmp_path)


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data folder"):
        read_catalog(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"neither a manifest\.csv nor class folders"):
        read_catalog(tmp_path)


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    write_manifest(tmp_path, [{"path": f"{i}.png", "label": "a"} for i in range(50)])
    with pytest.raises(DataError, match="and 30 more"):
        read_catalog(tmp_path)
