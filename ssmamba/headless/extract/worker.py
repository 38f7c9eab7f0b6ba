"""One slide from its file to its feature file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ssmamba.errors import DataError
from ssmamba.features.encoders import Encoder
from ssmamba.features.hdf5 import TileAttributes, write_features
from ssmamba.features.wsidata import Store, write_wsidata
from ssmamba.files import read_json, refuse_unwritable, short_name, write_json
from ssmamba.headless.extract.request import FORMATS, ExtractRequest, dtype_of, magnification
from ssmamba.headless.over_slides import Say
from ssmamba.headless.scan.cohort import Entry
from ssmamba.headless.tissue_files import TissueFiles
from ssmamba.inference.stream import in_order
from ssmamba.reading.plan import transform_of
from ssmamba.reading.preprocess import resize_image
from ssmamba.reading.slide_plan import GridOptions, SlidePlan, plan_slide
from ssmamba.slides.file_state import file_state
from ssmamba.slides.identity import content_hash
from ssmamba.slides.slide import Slide

STATES, STATE_FILE = ".state", "state.json"
PROGRESS_EVERY_S = 5.0


class Extraction:
    """Work on each slide of a run (``headless.over_slides.SlideWork``).

    A slide's features appear at ``folder/NAME.h5`` whole or not at all; its lock, and what the file
    was made of, lie in ``folder/.state/NAME``.
    """

    def __init__(self, request: ExtractRequest, encoder: Encoder, folder: Path) -> None:
        self.request, self.encoder, self.out = request, encoder, folder
        self.corrections = TissueFiles(request.tissue)
        cv2.setNumThreads(1)

    def folder(self, entry: Entry) -> Path:
        return self.out / STATES / entry.name

    def file(self, entry: Entry) -> Path:
        return self.out / f"{entry.name}{FORMATS[self.request.format]}"

    def is_done(self, entry: Entry) -> bool:
        """Features of a file that has changed since, of another µm/px or other tissue, are none.

        Raises DataError where they are another slide's.
        """
        state = read_json(self.folder(entry) / STATE_FILE)
        if not isinstance(state, dict) or not self.file(entry).exists():
            return False
        if Path(state["slide"]).absolute() != entry.path.absolute():
            raise DataError(
                f"{self.file(entry)} holds the features of another slide, {state['slide']}; choose "
                "another --out."
            )
        now = file_state(entry.path)
        same = now is None or state["file"] == [*now[:2]]  # moved away: its features stay
        corrected = state.get("tissue") == self.corrections.key(entry)
        return same and corrected and state["mpp"] == self._options(entry).mpp

    def read(self, entry: Entry, say: Say) -> None:
        """Raises SSMambaError, and leaves no file half-written."""
        began = time.monotonic()
        self._remove_partials(entry)
        with Slide.open(entry.path) as slide:
            tissue = self.corrections.tissue(entry, slide, say)
            plan = plan_slide(slide, self.encoder.spec, self._options(entry), tissue)
            say(f"{len(plan.cells)} tiles of {plan.grid.side} px")
            for note in slide.info.notes:
                say(note)
            features = self._features(slide, plan, say)
            refuse_unwritable(self.out, features.nbytes)
            order = np.lexsort(plan.cells.T[::-1])  # row by row
            self._write(entry, slide, plan, order, features[order])
            info = slide.info
        state = {
            "slide": str(entry.path.absolute()),
            "file": list(info.file[:2]) if info.file else None,
            "mpp": self._options(entry).mpp,
            "tissue": self.corrections.key(entry),
            "tiles": len(features),
            "dimension": int(features.shape[1]),
        }
        write_json(self.folder(entry) / STATE_FILE, state)
        seconds = time.monotonic() - began
        say(f"done in {seconds:.0f} s, {len(features) / max(seconds, 1e-9):.1f} tiles/s")

    def _write(
        self, entry: Entry, slide: Slide, plan: SlidePlan, order: np.ndarray, features: np.ndarray
    ) -> None:
        """order: of the plan's windows, as the features are. Raises DataError."""
        path, made_of = self.file(entry), self._made_of(slide, plan)
        if self.request.format == "hdf5":
            said = _attributes(slide, plan, self.encoder, entry.name)
            write_features(path, plan.windows[order, :2], features, said, made_of)
            return
        levels = tuple((level.width, level.height) for level in slide.info.levels)
        px = self.encoder.spec.window_px
        store = Store(plan.windows[order], plan.grid.step, px, plan.mpp, plan.slide_mpp, levels)
        write_wsidata(path, store, features, self.encoder.name, made_of)

    def _options(self, entry: Entry) -> GridOptions:
        options = self.request.options
        return options if entry.mpp is None else replace(options, mpp=entry.mpp)

    def _remove_partials(self, entry: Entry) -> None:
        """Remove what a killed run left half-written of this slide, whose lock is held."""
        start = f".{short_name(self.file(entry).name)}."
        for path in self.out.iterdir():
            if path.name.startswith(start) and path.name.endswith(".partial"):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _features(self, slide: Slide, plan: SlidePlan, say: Say) -> np.ndarray:
        """(N, D) in the order of the plan's windows. Raises DataError for what is no number."""
        starts = [*range(0, len(plan.cells), self.encoder.batch_size), len(plan.cells)]
        found, total, told = [], len(plan.cells), time.monotonic()
        began, done = told, 0
        for images in self._images(slide, plan, list(pairwise(starts))):
            with np.errstate(over="ignore"):  # told below
                found.append(self.encoder.encode(images).astype(dtype_of(self.request)))
            done += len(images)
            now = time.monotonic()
            if now - told >= PROGRESS_EVERY_S:
                told, pace = now, done / (now - began)
                left = (total - done) / pace
                say(f"{done}/{total} tiles, {pace:.1f} a second, {left:.0f} s left")
        features = np.concatenate(found)
        wrong = int((~np.isfinite(features).all(axis=1)).sum())
        if wrong:
            hint = "omit --half" if self.request.half else "check the encoder's file"
            raise DataError(
                f"{slide.path.name}: the features of {wrong} tiles are no numbers; {hint}."
            )
        return features

    def _images(
        self, slide: Slide, plan: SlidePlan, spans: list[tuple[int, int]]
    ) -> Iterator[np.ndarray]:
        """Tiles (B, S, S, 3) uint8 RGB of each span, read ahead by threads."""
        windows, spec = plan.windows, self.encoder.spec
        transform = transform_of(slide, plan.icc)

        def read(span: tuple[int, int]) -> np.ndarray:
            images = []
            for x, y, side in windows[slice(*span)].tolist():
                pixels = slide.read_window(x, y, side, plan.out_px)
                pixels = pixels if transform is None else transform.apply(pixels)
                images.append(resize_image(pixels, spec.window_px))
            return np.stack(images)

        threads = max(1, torch.get_num_threads())
        with ThreadPoolExecutor(threads, "tiles") as pool:
            for _, images in in_order(pool, read, spans, threads + 1):
                yield images

    def _made_of(self, slide: Slide, plan: SlidePlan) -> dict[str, Any]:
        """Attributes of the features, by which they can be traced."""
        known = {
            "encoder": self.encoder.name,
            "encoder_sha256": self.encoder.sha256,
            "slide_hash": content_hash(slide),
            "slide_mpp": plan.slide_mpp,
            "target_mpp": plan.mpp,
            "icc": plan.icc,
            "least_tissue": self.request.options.least_tissue,
        }
        return {name: value for name, value in known.items() if value is not None}


def _attributes(slide: Slide, plan: SlidePlan, encoder: Encoder, name: str) -> TileAttributes:
    power = slide.info.objective_power
    if power is None and plan.slide_mpp is not None:
        power = magnification(plan.slide_mpp)
    px = encoder.spec.window_px
    return TileAttributes(
        patch_size=px,
        patch_size_level0=plan.grid.side,
        level0_magnification=power or 0.0,
        target_magnification=0.0 if plan.mpp is None else magnification(plan.mpp),
        overlap=round(px * (1 - plan.grid.step / plan.grid.side)),
        name=name,
    )
