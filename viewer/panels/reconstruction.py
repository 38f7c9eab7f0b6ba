"""What the masked model restores of the selected region: masked | reconstruction | original."""

from __future__ import annotations

import secrets
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QSlider, QSpinBox, QWidget

from ssmamba.engine.messages import ReconstructResult
from viewer.controllers.analysis import AnalysisController
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.state.planning import has_area, picture_key
from viewer.state.results import PictureKey
from viewer.widgets.basic import icon_button, label
from viewer.widgets.dialog import Dialog
from viewer.widgets.form import form, inset, term, value_text
from viewer.widgets.layouts import column, row, section
from viewer.widgets.picture import Picture

TITLES = ("Masked", "Reconstruction", "Original")
FIGURES_TIP = (
    "How close the reconstruction is to the original, on the hidden parts only; higher is better.\n"
    "PSNR: by the differences of the pixels. SSIM: by structure, 1 where both are alike."
)
SETTLE_MS = 250  # the slider must rest this long before the model is asked


class Triptych(QWidget):
    """Three pictures side by side."""

    def __init__(self, smallest: int = 64) -> None:
        super().__init__()
        self.pictures = [Picture(title, smallest) for title in TITLES]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for at, picture in enumerate(self.pictures):
            grid.addWidget(picture, 0, at)
            title = label(TITLES[at], "small")
            title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            grid.addWidget(title, 1, at)
            grid.setColumnStretch(at, 1)

    def show_result(self, result: ReconstructResult | None) -> None:
        if result is None:
            for picture in self.pictures:
                picture.clear()
            return
        parts = (result.masked, result.reconstruction, result.original)
        for picture, pixels in zip(self.pictures, parts, strict=True):
            picture.set_pixels(pixels, *result.shape)


class ReconstructionPanel(QWidget):
    """Mask ratio and seed, the three pictures, and how close the guess is."""

    def __init__(
        self, document: Document, library: ModelLibrary, analysis: AnalysisController
    ) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self._analysis = analysis
        self._result: ReconstructResult | None = None
        self.triptych = Triptych()
        self._figures = label(wrap=True)
        self._about = label(role="small", wrap=True)
        self._ratio = QSlider(Qt.Orientation.Horizontal)
        self._ratio.setRange(10, 90)
        self._ratio.setSingleStep(5)
        self._ratio.setAccessibleName("Share of the picture that is hidden")
        self._ratio.setToolTip("Share of the picture that is hidden from the model")
        self._ratio_text = value_text()
        self._seed = QSpinBox()
        self._seed.setRange(0, 999_999)
        self._seed.setAccessibleName("Seed of the mask")
        self._seed.setToolTip("Another seed hides other parts")
        inset(self._seed)
        self._figures.setToolTip(FIGURES_TIP)
        self._dice = icon_button("dice", "Hide other parts")
        self._enlarge = icon_button("enlarge", "Show the three pictures large")
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._lay_out()
        self._connect()
        self.refresh_settings()
        self.refresh()

    def _lay_out(self) -> None:
        head = section("Reconstruction (MAMIM)", self._enlarge)
        self._controls = QWidget()
        rows = form()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(term("Hidden"), row(self._ratio, self._ratio_text, wide=self._ratio))
        rows.addRow(term("Seed"), row(self._seed, self._dice, wide=self._seed))
        self._controls.setLayout(rows)
        parts = (head, self.triptych, self._figures, self._controls, self._about)
        column(self, *parts, upright=12)

    def _connect(self) -> None:
        self._ratio.valueChanged.connect(self._on_ratio_moved)
        self._seed.valueChanged.connect(lambda _: self._settle.start())
        self._settle.timeout.connect(self._apply)
        self._dice.clicked.connect(lambda: self._seed.setValue(secrets.randbelow(1_000_000)))
        self._enlarge.clicked.connect(self._show_large)
        for picture in self.triptych.pictures:
            picture.clicked.connect(self._show_large)
        document = self._document
        for event in (
            document.selection_changed,
            document.results_changed,
            document.rois_changed,
            self._library.changed,
            self._library.shown_changed,
        ):
            event.connect(self.refresh)
        document.picture_settings_changed.connect(self.refresh_settings)
        document.picture_settings_changed.connect(self.refresh)

    def _on_ratio_moved(self, value: int) -> None:
        self._ratio_text.setText(f"{value} %")
        self._settle.start()

    def _apply(self) -> None:
        settings = replace(
            self._document.picture_settings,
            mask_ratio=self._ratio.value() / 100,
            seed=self._seed.value(),
        )
        self._document.set_picture_settings(settings)

    def refresh_settings(self) -> None:
        settings = self._document.picture_settings
        for widget, value in (
            (self._ratio, round(settings.mask_ratio * 100)),
            (self._seed, settings.seed),
        ):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
        self._ratio_text.setText(f"{settings.mask_ratio * 100:.0f} %")

    def refresh(self, *_: object) -> None:
        model = self._library.reconstructor
        roi = self._document.selected
        usable = model is not None and roi is not None and has_area(roi)
        self._result = None
        text = ""
        if not usable or roi is None or model is None:
            text = _advice(model is not None)
        else:
            key = picture_key(self._document, roi, model)
            self._result = self._document.results.picture(key)
            failure = self._analysis.failure(key)
            if failure is not None:
                text = failure
            elif self._result is None:
                text = "Reconstructing…" if self._analysis.is_pending(key) else ""
                self._result = self._former(key)
            else:
                text = f"By {model.name}; scored on the hidden parts only."
        self._show(text, usable)

    def _former(self, key: PictureKey) -> ReconstructResult | None:
        """The last picture of the same tissue: stays until the one with the new mask comes."""
        newest = self._document.results.newest_picture(key.roi_id)
        return newest[1] if newest is not None and newest[0].reading == key.reading else None

    def _show(self, text: str, usable: bool) -> None:
        result = self._result
        self.triptych.setVisible(usable)
        self._controls.setVisible(usable)
        self._enlarge.setEnabled(result is not None)
        self.triptych.show_result(result)
        self._figures.setVisible(result is not None)
        if result is not None:
            self._figures.setText(f"PSNR {result.psnr:.2f} dB   ·   SSIM {result.ssim:.3f}")
        self._about.setText(text)
        self._about.setVisible(bool(text))

    def _show_large(self) -> None:
        if self._result is None:
            return
        dialog = Dialog("Reconstruction", self.window())
        large = Triptych(smallest=280)
        large.show_result(self._result)
        column(dialog, large, label("Research use only, not a medical device.", "small"))
        dialog.show()


def _advice(has_model: bool) -> str:
    if has_model:
        return "Select a region to see what the masked model restores of it."
    return "Add a model with a decoder (made by pre-training with MAMIM) to see reconstructions."
