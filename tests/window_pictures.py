"""Draws the pictures of the window in docs/pictures, with the demo's generated slide:

    python -m tests.window_pictures [--only VIEW]

Each view of VIEWS in both themes and both languages, without a screen; some minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.slides.slide import Slide
from tests.slides import write_pyramid

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
SIZE = (1440, 900)
LONGEST_S = 300.0
QUALITY = 58  # of WebP
TURNED = 7.0  # degrees

Place = tuple[float, float]


def answers(stage: Stage) -> None:
    """A region with its answers and its evidence, and the models beside each other."""
    stage.work.document.select(stage.regions()[0].id)
    stage.trigger("focus")


def slide(stage: Stage) -> None:
    """The whole slide, read window by window."""
    stage.show_comparison(False)
    stage.trigger("fit")
    stage.trigger("read_slide")
    stage.wait(lambda: stage.work.slide_scans.scans.status == "done" and stage.is_calm())


def comparison(stage: Stage) -> None:
    """Checkpoints down, classes across."""
    for model in stage.work.library.models[2:4]:
        stage.work.library.set_in_use(model.path, True)
    stage.work.document.select(stage.regions()[1].id)
    stage.show_comparison(True)
    stage.trigger("enlarge_comparison")
    state = stage.window.compare.state
    state.choose(replace(state.choice, axis="classes"))


def beside(stage: Stage) -> None:
    """Two slides, linked by two places that are the same on both."""
    second, places = restained(stage.work.document.slide.path, stage.folder)
    stage.show_comparison(False)
    stage.work.document.select(None)
    stage.work.beside.open(str(second))
    stage.wait(lambda: stage.work.beside.is_open and stage.is_calm())
    for here, there in places:
        stage.trigger("mark_places")
        stage.click(stage.window.canvas, here)
        stage.click(stage.work.beside.canvas, there)
    stage.work.document.select(stage.regions()[1].id)
    stage.trigger("focus")


def preferences(stage: Stage) -> None:
    stage.trigger("preferences")


def commands(stage: Stage) -> None:
    """All commands by name."""
    stage.trigger("palette")


VIEWS: dict[str, Callable[[Stage], None]] = {
    view.__name__: view for view in (answers, slide, comparison, beside, preferences, commands)
}


def restained(slide: str, folder: Path) -> tuple[Path, list[tuple[Place, Place]]]:
    """The slide as if its next section were stained with haematoxylin and DAB, and turned a little.

    Returns its file, and two places on both slides (level-0 px).
    """
    with Slide.open(slide) as opened:
        size = opened.dimensions
        image = opened.read_region(0, 0, 0, *size)
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), TURNED, 1.0)
    light = np.float32(255 - image) @ np.float32([[0.55, 0.45, 0.2], [0.5, 0.75, 1.1], [0, 0, 0]])
    image = 245 - np.clip(light, 0, 235).astype(np.uint8)
    image = cv2.warpAffine(image, turn, size, borderValue=(245, 245, 245))
    path = folder / "next-section-DAB.tif"
    write_pyramid(path, picture=image, levels=5, tile=256)
    here = [(0.35 * size[0], 0.4 * size[1]), (0.65 * size[0], 0.6 * size[1])]
    there = [tuple(turn @ (*place, 1.0)) for place in here]
    return path, list(zip(here, there, strict=True))


class Stage:
    """The window with the demo open and every region classified."""

    def __init__(self, folder: Path) -> None:
        from viewer.app import create_application, engine_factory, translate_qt
        from viewer.arguments import parse
        from viewer.widgets.hint import Hint
        from viewer.window.main_window import MainWindow
        from viewer.window.startup import begin

        self.app = create_application()
        translate_qt(self.app)
        self.folder = folder
        self.window = MainWindow(engine_factory("cpu"), folder)
        self.work = self.window.workspace
        self.window.resize(*SIZE)
        self.window.show()
        begin(self.window, parse(["--demo"]))
        self.wait(lambda: len(self.work.document.rois) > 0)
        self.window.findChild(Hint).hide()
        self.work.analysis.ask([roi.id for roi in self.work.document.rois])
        self.wait(self.is_calm)

    def regions(self) -> list:
        return list(self.work.document.rois)

    def trigger(self, name: str) -> None:
        self.window.actions_by_name[name].trigger()

    def click(self, canvas, place: Place) -> None:
        """The left button, at a place of the slide."""
        at = canvas.camera.view.to_screen(*place).toPoint()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
        self.wait(self.is_calm)

    def show_comparison(self, shown: bool) -> None:
        if self.window.compare.opened != shown:
            self.trigger("compare")

    def is_calm(self) -> bool:
        window = self.window
        compared = not window.compare.isVisible() or window.compare.settled
        at_rest = window.canvas.is_settled() or not window.canvas.isVisible()
        return not self.work.busy and not window.compare.busy and at_rest and compared

    def wait(self, done: Callable[[], bool]) -> None:
        """Until done ten times in a row. Raises TimeoutError after LONGEST_S."""
        end = time.monotonic() + LONGEST_S
        in_a_row = 0
        while in_a_row < 10:
            if time.monotonic() > end:
                raise TimeoutError("the window did not come to rest")
            self.app.processEvents()
            time.sleep(0.03)
            in_a_row = in_a_row + 1 if done() else 0

    def close(self) -> None:
        self.window.hide()
        self.work.close()

    def picture(self):
        """The window, with a dialog in its middle where one is open."""
        from PySide6.QtGui import QColor, QPainter

        picture = self.window.grab()
        painter = QPainter(picture)
        for dialog in self.app.topLevelWidgets():
            if dialog.isVisible() and dialog is not self.window:
                x, y = (SIZE[0] - dialog.width()) // 2, (SIZE[1] - dialog.height()) // 3
                painter.fillRect(picture.rect(), QColor(0, 0, 0, 60))
                painter.drawPixmap(x, y, dialog.grab())
        painter.end()
        return picture


def draw(view: str, language: str, theme: str) -> Path:
    """One view in one language and theme; returns its file."""
    from viewer.look import tokens
    from viewer.text.tr import choose_language

    choose_language(language)
    tokens.choose(theme)
    path = PICTURES / f"{view}-{language}-{theme}.webp"
    with TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        VIEWS[view](stage)
        stage.wait(stage.is_calm)
        stage.picture().save(str(path), quality=QUALITY)
        stage.close()
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=VIEWS)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if options.one:
        print(draw(*options.one))
        return
    for view in VIEWS:
        if options.only in (None, view):
            for language in ("en", "de"):
                for theme in ("light", "dark"):  # a process each, as a language is for a whole run
                    one = [
                        sys.executable,
                        "-m",
                        "tests.window_pictures",
                        "--one",
                        view,
                        language,
                        theme,
                    ]
                    subprocess.run(one, check=True)


if __name__ == "__main__":
    main()
