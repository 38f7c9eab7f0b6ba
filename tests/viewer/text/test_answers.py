"""Answers in words: doubt first, and no class where there was nothing to classify."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from ssmamba.checkpoints.card import Card
from ssmamba.engine.messages import Classify, SlideRef
from ssmamba.reading.doubts import doubt_text
from ssmamba.reading.values import NO_CLASS, Doubt, Trust
from tests.viewer.fakes import CLASSES, answer, square
from viewer.text.answers import DOUBTS, Said, agreement_text, basis, left_out_line, said
from viewer.text.stamps import stamp_lines

CARD = Card(classes=CLASSES)
ANSWER = answer(Classify(1, SlideRef("s.svs"), square(0, 0, 9), ("m",)), "m")


def doubted(doubt: Doubt) -> Said:
    return said(CARD, replace(ANSWER, trust=Trust(not doubt, doubt=doubt)), "adenocarcinoma")


def test_the_window_and_the_commands_use_the_same_headlines() -> None:
    assert {doubt: doubt_text(doubt) for doubt in get_args(Doubt)} == DOUBTS


def test_a_sure_answer_is_its_class() -> None:
    told = doubted("")
    assert (told.headline, told.aside, told.share) == ("Adenocarcinoma", "", "80.0 %")
    assert told.spoken == "Adenocarcinoma, 80.0 %, agrees with your class"


@pytest.mark.parametrize("doubt", ["unsure", "foreign", "partial"])
def test_a_doubt_stands_before_its_class(doubt: Doubt) -> None:
    told = doubted(doubt)
    assert (told.headline, told.aside) == (doubt_text(doubt), "Adenocarcinoma")
    assert told.spoken.startswith(doubt_text(doubt))


@pytest.mark.parametrize("doubt", sorted(NO_CLASS))
def test_where_nothing_could_be_classified_there_is_no_class(doubt: Doubt) -> None:
    assert doubted(doubt) == Said(doubt_text(doubt))


def test_an_answer_says_what_it_rests_on() -> None:
    result = replace(ANSWER, read_share=0.9999, left_out=(("glass", 57), ("pen", 1)))
    assert basis(result).replace("\u00a0", " ") == "1 window · 99 % read"
    assert left_out_line(result) == "57 windows left out: no tissue; 1 window left out: pen or ink"
    lines = stamp_lines(result, None)
    assert "Read: 99 % of the region" in lines
    assert "57 windows left out: no tissue; 1 window left out: pen or ink." in lines
    assert left_out_line(ANSWER) == ""


def test_a_class_that_the_model_does_not_know_has_no_mark() -> None:
    assert said(CARD, ANSWER, "Tumour").agrees is None
    assert said(CARD, ANSWER, "scc").agrees is False
    assert agreement_text(None) == ""
