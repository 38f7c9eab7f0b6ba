"""File choosers of the window: what is opened, taken in, saved and exported."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMainWindow

from ssmamba.files import short_name
from ssmamba.rois.roi import Roi
from viewer.exporting.areas import scan_facts
from viewer.exporting.facts import Facts
from viewer.exporting.measurements import Measurements
from viewer.saving.session_file import ENDING
from viewer.text.tr import tr
from viewer.workspace import Workspace

SLIDES = tr(
    "Slides and images (*.svs *.tif *.tiff *.ndpi *.mrxs *.scn *.vms *.vmu *.bif *.svslide "
    "*.czi *.dcm *.png *.jpg *.jpeg *.bmp *.webp);;All files (*)"
)
MODELS = tr("Checkpoints, and models of WSInfer's zoo (*.safetensors *.pt)")
SESSIONS = tr("Sessions (*.ssmsession)")
REGIONS = tr("Regions (*.geojson *.json *.gz *.zip *.xml);;All files (*)")
TILE_MAPS = tr("Maps of tiles (*.csv *.tsv *.h5 *.hdf5);;All files (*)")
REGION_FILES = tr("GeoJSON (*.geojson);;Packed GeoJSON (*.geojson.gz)")
TABLES = tr("CSV (*.csv);;TSV (*.tsv);;JSON (*.json)")
FIGURES = tr("PNG (*.png);;SVG (*.svg);;PDF (*.pdf)")
REPORTS = tr("PDF (*.pdf)")
IMAGES = tr("Images (*.png)")


class FileChoosers:
    """Asks the user for files and passes them to the workspace."""

    def __init__(self, window: QMainWindow, workspace: Workspace) -> None:
        self._window = window
        self._work = workspace

    def open_slides(self) -> None:
        self._choose(tr("Open slide"), SLIDES, self._work.files.open)

    def find_slide(self, path: str) -> None:
        """Ask where the file of a listed slide is now."""

        def found(paths: list[str]) -> None:
            self._work.slides.relocate(path, paths[0])

        self._choose(tr("Find {name}").format(name=Path(path).name), SLIDES, found)

    def open_beside(self) -> None:
        self._choose(tr("Slide beside"), SLIDES, lambda paths: self._work.beside.open(paths[0]))

    def add_models(self) -> None:
        self._choose(tr("Add models"), MODELS, self._work.models.add_files)

    def save_session(self) -> None:
        slide = self._work.document.slide
        if slide is not None:
            name = f"{Path(slide.name).stem}{ENDING}"
            self._save(tr("Save session"), SESSIONS, name, self._work.session_files.save_as)

    def open_session(self) -> None:
        def open_all(paths: list[str]) -> None:
            for path in paths:
                self._work.session_files.open(path)

        self._choose(tr("Open session"), SESSIONS, open_all)

    def choose_model_folder(self) -> None:
        dialog = self._folder_dialog(tr("Folder whose models are listed"))
        if self._work.models.folder:
            dialog.setDirectory(self._work.models.folder)
        dialog.fileSelected.connect(self._work.models.set_folder)
        dialog.open()

    def import_regions(self, *, from_corner: bool = False) -> None:
        def import_all(paths: list[str]) -> None:
            for path in paths:
                self._work.files.import_regions(path, from_corner=from_corner)

        self._choose(tr("Import regions"), REGIONS, import_all)

    def open_tile_map(self) -> None:
        def open_all(paths: list[str]) -> None:
            for path in paths:
                self._work.files.open_tile_map(path)

        self._choose(tr("Map of tiles"), TILE_MAPS, open_all)

    def export_regions(self, *, answers: bool = True) -> None:
        """All regions as GeoJSON, with the models' answers or without."""
        exports = self._work.exports
        title = tr("Export regions and answers") if answers else tr("Export regions")

        def write(path: str, facts: Facts) -> None:
            exports.write_regions(path, facts, answers=answers)

        self._export(title, REGION_FILES, "", exports.facts(), write)

    def export_for_training(self) -> None:
        """Regions with the user's classes, into a folder that may hold those of other slides."""
        exports = self._work.exports
        facts = exports.facts()
        if facts is None:
            return
        if not any(region.roi.user_class for region in facts.regions):
            self._work.messages.info(
                tr("No region has a class of yours. Give each region its class first.")
            )
            return
        dialog = self._folder_dialog(tr("Folder for training data"))
        dialog.fileSelected.connect(lambda folder: exports.write_for_training(folder, facts))
        dialog.open()

    def export_table(self) -> None:
        exports = self._work.exports
        self._export(tr("Export table"), TABLES, "", exports.facts(), exports.write_table)

    def export_areas(self) -> None:
        """The areas of the classes on the whole slide."""
        work = self._work
        found, slide = work.slide_scans.scans.map, work.document.slide
        if found is None or slide is None:
            return
        facts = scan_facts(slide, work.document.mpp, found)
        name = f"{Path(slide.name).stem}-areas.csv"
        self._save(
            tr("Export areas"), TABLES, name, lambda path: work.exports.write_areas(path, facts)
        )

    def export_measurements(self, table: Measurements) -> None:
        work, slide = self._work, self._work.document.slide
        if slide is not None:
            self._save(
                tr("Export measurements"),
                TABLES,
                f"{Path(slide.name).stem}-measurements.csv",
                lambda path: work.exports.write_measurements(path, table),
            )

    def export_figure(self) -> None:
        """The selected region."""
        exports, roi = self._work.exports, self._work.document.selected
        if roi is not None:
            named = f"-{short_name(_slug(roi.name))}" if roi.name else ""
            facts = exports.facts([roi])
            self._export(tr("Export figure"), FIGURES, named, facts, exports.write_figure)

    def export_comparison(self) -> None:
        """All maps of all pages of the comparison."""
        info = self._work.document.slide
        if info is not None:
            name = f"{Path(info.name).stem}-comparison.png"
            self._save(tr("Export comparison"), FIGURES, name, self._work.comparison_export.write)

    def export_report(self, chosen: Sequence[Roi]) -> None:
        """chosen: the regions selected in the list; several of them, or all regions."""
        exports = self._work.exports
        facts = exports.facts(chosen if len(chosen) > 1 else None)
        if facts is not None and exports.fits_report(facts):
            self._export(tr("Export report"), REPORTS, "-report", facts, exports.write_report)

    def _export(
        self, title: str, kinds: str, suffix: str, facts: Facts | None,
        write: Callable[[str, Facts], object],
    ) -> None:  # fmt: skip
        """Ask for a file beside the slide. facts: copied now, before another slide is opened."""
        if facts is None:
            return
        if not facts.regions:
            self._work.messages.info(tr("There are no regions to export. Draw one first."))
            return
        ending = kinds.partition("(*")[2].partition(")")[0]
        name = f"{Path(facts.info.name).stem}{suffix}{ending}"
        self._save(title, kinds, name, lambda path: write(path, facts))

    def save_picture(self) -> None:
        """Save an image of the window, taken before the file chooser covers it."""
        image = self._window.grab()

        def save(path: str) -> None:
            if not image.save(path):
                text = tr("Could not save the image to {path}. Choose another folder.")
                self._work.messages.error(text.format(path=path))

        self._save(tr("Save image"), IMAGES, "viewer.png", save)

    def _choose(self, title: str, kinds: str, then: Callable[[list[str]], object]) -> None:
        dialog = self._dialog(title, kinds)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda paths: then(list(paths)))
        dialog.open()

    def _save(self, title: str, kinds: str, name: str, then: Callable[[str], object]) -> None:
        dialog = self._dialog(title, kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(Path(name).suffix[1:])  # before Qt asks to overwrite
        dialog.selectFile(name)
        dialog.filterSelected.connect(lambda kind: _follow(dialog, kind))
        dialog.fileSelected.connect(then)
        dialog.open()

    def _folder_dialog(self, title: str) -> QFileDialog:
        dialog = self._dialog(title, tr("Folders"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        return dialog

    def _dialog(self, title: str, kinds: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title)
        dialog.setNameFilters(kinds.split(";;"))
        slide = self._work.document.slide
        if slide is not None:
            dialog.setDirectory(str(Path(slide.path).resolve().parent))
        dialog.finished.connect(dialog.deleteLater)
        return dialog


def _follow(dialog: QFileDialog, kind: str) -> None:
    """Give the name in a chooser the ending of the chosen kind."""
    ending = kind.partition("(*.")[2].partition(")")[0]
    if not ending or " " in ending:  # all files, or several kinds
        return
    dialog.setDefaultSuffix(ending)
    for path in dialog.selectedFiles()[:1]:
        dialog.selectFile(f"{Path(path).stem.removesuffix('.geojson')}.{ending}")


def _slug(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.") or "region"
