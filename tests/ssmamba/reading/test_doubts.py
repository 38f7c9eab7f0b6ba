"""Doubts have an order and a headline each."""

from typing import get_args

from ssmamba.reading.doubts import CODES, ORDER, doubt_text, foremost
from ssmamba.reading.values import NO_CLASS, Doubt, Trust


def test_every_doubt_has_its_place_and_a_headline_of_its_own():
    assert set(ORDER) | {""} == set(get_args(Doubt))
    assert len({doubt_text(doubt) for doubt in ORDER}) == len(ORDER)
    assert set(CODES) == {"", *ORDER} and len(CODES) == 1 + len(ORDER)
    assert doubt_text("") == ""
    assert doubt_text("glass") == "No tissue"


def test_the_most_fundamental_doubt_comes_first():
    assert foremost(["unsure", "foreign", "glass"]) == "glass"
    assert foremost([]) == ""


def test_no_class_is_named_where_nothing_was_seen():
    assert {d for d in ORDER if not Trust(False, doubt=d).names_class} == NO_CLASS
