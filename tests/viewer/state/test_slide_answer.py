"""A slide's answer: its parts, groups, curve and picture."""

from __future__ import annotations

import numpy as np
import pytest

from ssmamba.checkpoints.card import Card
from tests.viewer.fakes import CLASSES
from tests.viewer.slide_models import SPEC, SURVIVAL, WINDOWS, slide_answer
from viewer.state.slide_answer import (
    AGAINST,
    FOR,
    TOKEN_COLOURS,
    Answered,
    AnswerLook,
    SlideAnswers,
)

GRADES = Card(kind="slide", input=SPEC, classes=CLASSES, answer={"question": "grades"})
ALIVE = Card(kind="slide", input=SPEC, answer=SURVIVAL)


def graded() -> Answered:
    return Answered(GRADES, "m", slide_answer())


def survived(values: tuple[float, ...] = (0.8, 0.5, 0.3)) -> Answered:
    return Answered(ALIVE, "m", slide_answer(values=values))


def test_a_class_is_added_to_against_the_others() -> None:
    found = graded()
    assert found.likeliest == 1 and [i.key for i, _ in found.classes] == ["aca", "scc", "n"]
    assert found.parts(1).tolist() == pytest.approx([0, 2 / 3, 4 / 3, 2])
    assert found.parts(0).tolist() == pytest.approx([0, -1 / 3, -2 / 3, -1])
    assert survived().parts(0).tolist() == [0, 1, 2, 3]


def test_a_place_has_the_group_that_its_region_was_fused_into() -> None:
    found = graded()
    assert found.region_at(10, 70) == 0 and found.region_at(10, 10) is None
    assert found.region_at(200, 130) == 3 and found.region_at(200, 70) is None
    assert found.alike(3).tolist() == WINDOWS[[0, 3]].tolist()
    assert found.alike(1).tolist() == WINDOWS[[1]].tolist()


def test_the_curve_lasts_as_long_as_the_cohort_was_watched() -> None:
    found = survived()
    assert found.curve.times == (0.0, 10.0, 20.0, 40.0)
    assert found.curve.alive == (1.0, 0.8, 0.5, 0.3)
    assert found.cohort.alive == (1.0, 0.9, 0.6, 0.2)
    unwatched = Answered(ALIVE.with_(answer=SURVIVAL | {"kaplan_meier": {}}), "m", slide_answer())
    assert unwatched.curve.times == (0.0, 10.0, 20.0) and unwatched.cohort.times == ()


def test_the_picture_lies_where_the_regions_do() -> None:
    found = graded()
    assert found.picture(AnswerLook(layer="")) is None
    picture, place = found.picture(AnswerLook(output=0))
    assert place == (0, 64, 256, 192) and picture.shape == (2, 4, 4)
    assert tuple(picture[0, 2, :3]) == AGAINST and picture[0, 2, 3] == 170  # two thirds of the most
    assert tuple(found.picture(AnswerLook(output=1))[0][1, 3]) == (*FOR, 255)
    assert picture[1, 0, 3] == 0  # no region
    groups, _ = found.picture(AnswerLook(layer="groups"))
    assert np.array_equal(groups[0, 0], groups[1, 3])
    assert not np.array_equal(groups[0, 0], groups[0, 1])
    tokens, place = found.picture(AnswerLook(layer="tokens"))
    assert tokens.shape == (4, 8, 4) and place == (0, 64, 256, 192)
    assert tuple(tokens[0, 1, :3]) == tuple(TOKEN_COLOURS[1])


def test_what_was_said_stays_until_there_is_an_answer() -> None:
    answers = SlideAnswers()
    answers.put(graded())
    assert answers.look.output == 1
    answers.set_outdated(True)
    answers.begin()
    answers.fail("")  # stopped
    assert answers.status == "done" and answers.found is not None and answers.outdated
    answers.begin()
    answers.fail("No tissue.")
    assert answers.status == "failed" and answers.why == "No tissue."
    answers.put(graded())
    assert not answers.outdated
    answers.clear()
    assert answers.found is None and not answers.status


def test_an_answer_that_is_withdrawn_says_why_and_leaves_a_question_alone() -> None:
    answers = SlideAnswers()
    answers.put(graded(), outdated=True)
    answers.withdraw("Replaced.")
    assert answers.found is None and (answers.status, answers.why) == ("failed", "Replaced.")
    answers.put(graded())
    answers.withdraw()
    assert answers.found is None and answers.status == ""
    answers.begin()
    answers.put(graded(), status="asked")  # of an earlier run
    answers.withdraw()
    assert answers.found is None and answers.status == "asked"
