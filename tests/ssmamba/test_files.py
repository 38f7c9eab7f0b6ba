"""What is written appears whole or not at all."""

from pathlib import Path

import pytest

from ssmamba.files import LONGEST_NAME, short_name, written_whole


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("old")
    with written_whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "kept.json"
    path.write_text("old")
    with pytest.raises(error), written_whole(path) as partial:
        partial.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_long_texts_become_names_that_fit_and_differ() -> None:
    assert short_name("Region 1") == "Region 1"
    for text in ("a" * 300, "ä" * 300, "染" * 300):
        left, right = short_name(f"{text} left"), short_name(f"{text} right")
        assert left != right and left == short_name(f"{text} left")
        assert 140 < len(left.encode()) <= LONGEST_NAME and left.startswith(text[:40])


def test_a_file_of_the_longest_name_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with written_whole(path) as partial:
        partial.write_text("whole")
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [path]
