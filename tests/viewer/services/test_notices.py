"""Errors as sentences, and the bar that shows them."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from ssmamba.errors import SlideError
from viewer.services.notices import Message, MessageCenter, describe
from viewer.widgets.message_bar import MessageBar


def caught(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as info:
        raise error
    return info.value


def test_our_errors_keep_their_sentence_and_hide_the_traceback() -> None:
    message = describe(caught(SlideError("The slide is cut short; copy it again.")))
    assert message.text == "The slide is cut short; copy it again."
    assert "Traceback" not in message.text and "SlideError" in message.details


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (
            FileNotFoundError(2, "No such file", "/a/b.svs"),
            "File not found: /a/b.svs. Check the path.",
        ),
        (PermissionError(13, "denied", "/a/b.svs"), "Change its permissions"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ZeroDivisionError("x"), "Your regions are safe"),
    ],
)
def test_foreign_errors_become_one_sentence(error: Exception, part: str) -> None:
    text = describe(caught(error)).text
    assert part in text and "\n" not in text


def test_an_older_warning_comes_back_when_the_newer_is_closed(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    center = MessageCenter()
    center.posted.connect(bar.show_message)
    center.warn("First; look.")
    center.error("Second; act.", "why")
    center.info("Third.")
    assert bar.message == Message("info", "Third.")
    bar.close_message()
    assert bar.message is not None and bar.message.text == "Second; act."
    bar.close_message()
    assert bar.message is not None and bar.message.text == "First; look."
    bar.close_message()
    assert bar.message is None and bar.isHidden()


def test_the_same_warning_is_not_piled_up(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    for _ in range(5):
        bar.show_message(Message("warning", "Again; wait."))
    bar.close_message()
    assert bar.message is None


def test_warnings_leave_with_their_slide_and_what_concerns_others_stays(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_message(Message("warning", "A part of a.svs cannot be read."))
    bar.show_message(Message("error", "Could not save a.svs."))
    bar.show_message(Message("warning", "No GPU.", stays=True))
    bar.show_message(Message("warning", "A region of a.svs is damaged."))
    bar.begin_slide()
    bar.show_message(Message("warning", "The profile of b.svs cannot be used."))
    bar.leave_slide()
    shown = []
    while bar.message is not None:
        shown.append(bar.message.text)
        bar.close_message()
    assert shown == ["The profile of b.svs cannot be used.", "No GPU.", "Could not save a.svs."]


def test_a_message_replaces_the_one_that_is_no_longer_true(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_message(Message("warning", "It stopped."))
    bar.show_message(Message("error", "Something else."))
    bar.show_message(Message("info", "It is back.", replaces="It stopped."))
    assert bar.message is not None and bar.message.text == "It is back."
    bar.close_message()
    assert bar.message is not None and bar.message.text == "Something else."
    bar.close_message()
    assert bar.message is None
