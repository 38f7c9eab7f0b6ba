"""What a slide's file says of itself."""

from dataclasses import replace

from PIL import Image
from PySide6.QtWidgets import QLabel, QPushButton, QTableWidget
from pytestqt.qtbot import QtBot

from tests.viewer.state.test_planning import INFO
from viewer.window.slide_details import SlideDetails

PROPERTIES = {"aperio.AppMag": "20", "aperio.ScanScope ID": "SS1", "openslide.vendor": "aperio"}
PICTURES = {
    "label": Image.new("RGB", (40, 40), (250, 200, 90)),
    "macro": Image.new("RGB", (90, 30), (200, 120, 160)),
}


def opened(qtbot: QtBot) -> SlideDetails:
    info = replace(INFO, properties=PROPERTIES, mpp=0.25, objective_power=40.0)
    dialog = SlideDetails(info)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def texts(dialog: SlideDetails) -> list[str]:
    return [found.text() for found in dialog.findChildren(QLabel) if found.isVisible()]


def pictures(dialog: SlideDetails) -> list[str]:
    found = dialog.findChildren(QLabel)
    return [p.accessibleName() for p in found if not p.pixmap().isNull() and not p.isHidden()]


def test_facts_and_properties_are_shown(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    assert "0.25 µm/px" in texts(dialog) and "40×" in texts(dialog)
    table = dialog.findChild(QTableWidget)
    rows = {table.item(n, 0).text(): table.item(n, 1).text() for n in range(table.rowCount())}
    assert rows == PROPERTIES


def test_the_label_is_hidden_until_it_is_asked_for(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    dialog.show_pictures(PICTURES)
    qtbot.waitUntil(lambda: pictures(dialog) == ["Macro image"])
    button = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Show the label")
    assert "name the patient" in button.toolTip()
    button.click()
    assert sorted(pictures(dialog)) == ["Label", "Macro image"]
    button.click()
    assert pictures(dialog) == ["Macro image"]


def test_a_file_without_other_pictures_says_so(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    dialog.show_pictures({})
    assert "The file has no other pictures." in texts(dialog)


def test_properties_are_found_by_name_and_by_value(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    table = dialog.findChild(QTableWidget)

    def shown() -> list[str]:
        rows = range(table.rowCount())
        return [table.item(n, 0).text() for n in rows if not table.isRowHidden(n)]

    dialog._search.setText("SCANSCOPE")
    assert shown() == ["aperio.ScanScope ID"]
    dialog._search.setText("aperio")
    assert len(shown()) == 3
    dialog._search.setText("nothing of this kind")
    assert shown() == []
