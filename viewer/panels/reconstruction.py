"""The masked model's reconstruction of the selected region: masked | reconstruction | original."""

from __future__ import annotations

import secrets
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QSlider, QSpinBox, QWidget

from ssmamba.engine.messages import ReconstructResult
from viewer.controllers.analysis import AnalysisController
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.state.planning import picture_key
from viewer.state.results import PictureKey
from viewer.text.stamps import RESEARCH_ONLY
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, icon_button, label
from viewer.widgets.dialog import Dialog
from viewer.widgets.form import form, inset, term, value_text
from viewer.widgets.layouts import column, row, section
from viewer.widgets.picture import Picture

TITLES = (tr("Masked"), tr("Reconstruction"), tr("Original"))
FIGURES_TIP = tr(
    "Similarity of the reconstruction to the original on the masked parts; higher is better.\n"
    "PSNR compares pixel values. SSIM compares structure; 1 means identical."
)
SETTLE_MS = 250  # the slider must rest this long before a request is sent


class Triptych(QWidget):
    """Three images side by side."""

    def __init__(self, smallest: int = 40) -> None:
        super().__init__()
        self.pictures = [Picture(title, smallest) for title in TITLES]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for at, picture in enumerate(self.pictures):
            grid.addWidget(picture, 0, at)
            title = ElidedLabel(TITLES[at], "small")
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
    """Mask ratio and seed, the three images, and the similarity scores."""

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
        self._ratio.setAccessibleName(tr("Masked share of the image"))
        self._ratio.setToolTip(tr("Share of the image to hide from the model"))
        self._ratio_text = value_text()
        self._seed = QSpinBox()
        self._seed.setRange(0, 999_999)
        self._seed.setAccessibleName(tr("Mask seed"))
        self._seed.setToolTip(tr("Change the seed to mask other parts"))
        inset(self._seed)
        self._figures.setToolTip(FIGURES_TIP)
        self._dice = icon_button("dice", tr("Mask other parts at random"))
        self._enlarge = icon_button("enlarge", tr("Enlarge the images"))
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._lay_out()
        self._connect()
        self.refresh_settings()
        self.refresh()

    def _lay_out(self) -> None:
        head = section(tr("Reconstruction"), self._enlarge)
        self._controls = QWidget()
        rows = form()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(term(tr("Masked")), row(self._ratio, self._ratio_text, wide=self._ratio))
        rows.addRow(term(tr("Seed")), row(self._seed, self._dice, wide=self._seed))
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
        usable = model is not None and roi is not None and roi.has_area
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
                text = tr("Reconstructing…") if self._analysis.is_pending(key) else ""
                self._result = self._former(key)
            else:
                text = tr("By {name}; scored on the masked parts only.").format(name=model.name)
        self._show(text, usable)

    def _former(self, key: PictureKey) -> ReconstructResult | None:
        """The last image of the same tissue, shown until the one with the new mask arrives."""
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
            figures = tr("PSNR {psnr:.2f} dB   ·   SSIM {ssim:.3f}")
            self._figures.setText(figures.format(psnr=result.psnr, ssim=result.ssim))
        self._about.setText(text)
        self._about.setVisible(bool(text))

    def _show_large(self) -> None:
        if self._result is None:
            return
        dialog = Dialog(tr("Reconstruction"), self.window())
        large = Triptych(smallest=280)
        large.show_result(self._result)
        column(dialog, large, label(RESEARCH_ONLY, "small"))
        dialog.show()


def _advice(has_model: bool) -> str:
    if has_model:
        return tr("Select a region to see its reconstruction.")
    return tr("To see reconstructions, add a model with a decoder (pre-trained with MAMIM).")
