"""The user's list of slides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from viewer.state.slide_list import SlideList


def made(*paths: str) -> SlideList:
    slides = SlideList()
    slides.add(paths)
    return slides


def test_the_order_of_the_last_start_comes_before_what_this_one_was_started_with() -> None:
    slides = made("b", "new")
    slides.restore(["a", "b", "c"])
    assert slides.paths == ("a", "b", "c", "new")


@given(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1), st.integers(-9, 9), st.data())
def test_moving_loses_nothing_and_puts_it_where_it_was_asked(
    paths: list[str], to: int, data: st.DataObject
) -> None:
    slides, path = made(*paths), data.draw(st.sampled_from(paths))
    slides.move(path, to)
    assert sorted(slides.paths) == sorted(paths)
    assert slides.paths.index(path) == min(max(to, 0), len(paths) - 1)
    assert [p for p in slides.paths if p != path] == [p for p in paths if p != path]


def test_the_next_slide_is_one_whose_file_is_there() -> None:
    slides = made("a", "gone", "c")
    slides.note_missing(["gone"])
    assert slides.beside("a", 1) == "c" and slides.beside("a", -1) == "c"
    assert slides.beside("c", 1) == "a"
    assert made("a").beside("a", 1) is None
    slides.remove("a")
    assert slides.beside("elsewhere", 1) == "c"


def test_a_file_found_elsewhere_takes_the_place_of_the_lost_one() -> None:
    slides = made("a", "lost", "c")
    slides.replace("lost", "found")
    assert slides.paths == ("a", "found", "c")
    slides.replace("a", "c")
    assert slides.paths == ("c", "found")
    slides.replace("not listed", "d")
    assert slides.paths == ("c", "found", "d")


def test_it_tells_of_changes_only() -> None:
    slides, told = made("a", "b"), []
    slides.changed.connect(lambda: told.append(slides.paths))
    slides.add(["a"])
    slides.move("a", 0)
    slides.remove("never there")
    slides.note_missing([])
    assert not told
    slides.note_missing(["b"])
    slides.remove("b")
    assert len(told) == 2 and not slides.is_missing("b")
