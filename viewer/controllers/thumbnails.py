"""Small pictures of the slides in the list, made in the background."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage

from viewer.controllers.shared import Controller, Shared
from viewer.services.background import Background
from viewer.state.slide_list import SlideList
from viewer.tiles.thumbnail import thumbnail

SIDE_PX = 192  # of the longer side: sharp on a dense screen


class Thumbnails(Controller):
    """One picture for each slide of the list; one file is read at a time, after the first tile."""

    changed = Signal()

    def __init__(self, shared: Shared, slides: SlideList) -> None:
        super().__init__(shared)
        self._slides = slides
        self._reader = Background(self._messages.report, workers=1, parent=self)
        self._images: dict[str, QImage] = {}
        self._begun = False
        slides.changed.connect(self._read_new)

    @property
    def busy(self) -> bool:
        return self._reader.busy

    def begin(self) -> None:
        """From now on; before, a slide's own tiles come first."""
        self._begun = True
        self._read_new()

    def of(self, path: str) -> QImage:
        """A null image while there is none."""
        return self._images.get(path, QImage())

    def close(self) -> None:
        self._reader.close()

    def _read_new(self) -> None:
        listed, is_missing = self._slides.paths, self._slides.is_missing
        self._images = {
            path: image
            for path, image in self._images.items()
            if path in listed and not (image.isNull() and is_missing(path))
        }
        for path in listed if self._begun else ():
            if path not in self._images and not is_missing(path):
                self._images[path] = QImage()  # asked for
                self._read(path)

    def _read(self, path: str) -> None:
        def came(image: QImage) -> None:
            if path in self._images:
                self._images[path] = image
                self.changed.emit()

        # a slide that cannot be read says so when it is opened
        self._reader.run(lambda: thumbnail(path, SIDE_PX), came, failed=lambda _: None)
