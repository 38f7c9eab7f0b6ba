"""Answers for images and ROIs without a window: the library behind ``ssmamba.predict``.

The models run in this process, with the same jobs as in the engine.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssmamba.checkpoints.card import Card, read_card, require_classes
from ssmamba.checkpoints.labels import file_label, labels_of
from ssmamba.engine.messages import (
    Classify,
    Explain,
    ExplainResult,
    Progress,
    SlideRef,
)
from ssmamba.errors import (
    DataError,
    RoiError,
    ScaleNeeded,
    SlideError,
    SSMambaError,
    explain_failure,
)
from ssmamba.explain.methods import find_method
from ssmamba.files import refuse_unwritable, short_name, written_whole
from ssmamba.headless.answers import headline, in_words
from ssmamba.headless.report import Finding, write_findings
from ssmamba.headless.request import Request, bounds_offset, is_tissue, regions_of, target_key
from ssmamba.reading.values import Mode, ReadOptions
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide

if TYPE_CHECKING:
    from ssmamba.engine.jobs.bench import Bench
    from ssmamba.engine.scheduler import Steps

PROGRESS_EVERY_S = 5.0


def predict(request: Request) -> list[str]:
    """Do all of a request and write its files; returns a sentence for each input that failed.

    Raises SSMambaError for what makes the whole request impossible, before any model runs.
    """
    cards = {path: require_classes(read_card(path), path) for path in request.models}
    targets = {path: target_key(card, request.target, path) for path, card in cards.items()}
    if request.cam is not None:
        request = replace(request, cam=find_method(request.cam).name)
    if request.rois is not None and len(request.inputs) > 1:
        raise RoiError("--rois belongs to one slide; run the command once for each slide.")
    from ssmamba.engine.jobs.bench import Bench
    from ssmamba.runtime.device import choose_device

    device = choose_device(request.device)
    made = not request.out.exists()
    _make_folder(request.out)
    refuse_unwritable(request.out)
    print(f"Device: {device.label}, {device.reason}.", file=sys.stderr)
    run = _Run(request, cards, targets, Bench(device))
    try:
        for path in request.inputs:
            run.add(path)
    finally:
        run.bench.slides.keep_only(())
        if run.findings:
            _write(request.out, run)
        elif made and not any(request.out.iterdir()):
            request.out.rmdir()
    return run.failures


def _write(out: Path, run: _Run) -> None:
    try:
        write_findings(out, run.findings)
    except DataError as error:
        run.failures.append(str(error))
        return
    found = "1 result" if len(run.findings) == 1 else f"{len(run.findings)} results"
    print(f"Wrote {found} to {out}.", file=sys.stderr)


class _Run:
    """Findings so far, and what could not be read."""

    def __init__(
        self, request: Request, cards: dict[str, Card], targets: dict[str, str | None], bench: Bench
    ) -> None:
        self.request, self.cards, self.targets, self.bench = request, cards, targets, bench
        labels = labels_of([Path(path) for path in cards], list(cards.values()))
        self.labels = dict(zip(cards, labels, strict=True))
        self.findings: list[Finding] = []
        self.failures: list[str] = []
        self._files: set[str] = set()

    def add(self, path: str) -> None:
        """Answer for every region of one input; a failure is recorded and the run continues."""
        try:
            with Slide.open(path) as slide:
                for note in slide.info.notes:
                    print(f"{slide.path.name}: {note}", file=sys.stderr)
                self._check_scale(slide)
                rois = regions_of(slide, self.request)
                for roi in rois:
                    self._add_region(path, slide, roi)
        except SSMambaError as error:
            self.failures.append(str(error))

    def _check_scale(self, slide: Slide) -> None:
        if slide.mpp is not None or self.request.mpp or self.request.field_px:
            return
        needy = [c.name for c in self.cards.values() if c.input.known_mpp is not None]
        if slide.info.vendor == "image" and not needy:
            return  # a picture and models that know no scale: nothing to ask
        raise SlideError(
            f"{slide.path.name} has no µm/px, so its scale is unknown; give it with --mpp "
            "(0.25 is usual for 40×, 0.5 for 20×), or with --field-px how many of its pixels one "
            "window covers."
        )

    def _add_region(self, path: str, slide: Slide, roi: Roi) -> None:
        for model, card in self.cards.items():
            try:
                self._add_answer(path, slide, roi, model, card)
            except ScaleNeeded as error:  # the same for all large regions of a slide
                if str(error) not in self.failures:
                    self.failures.append(str(error))
            except Exception as error:  # one model's failure must not lose the others' answers
                self.failures.append(f"{Path(path).name}: {explain_failure(error)}")

    def _add_answer(self, path: str, slide: Slide, roi: Roi, model: str, card: Card) -> None:
        from ssmamba.engine.jobs.classify import answer
        from ssmamba.engine.jobs.explain import evidence

        ref = SlideRef(path, self.request.mpp)
        options = self._options(slide)
        show = _ProgressLine(f"{Path(path).name} {roi.name}")
        classify = Classify(0, ref, roi, (model,), options)
        result = show.last_of(answer(classify, self.bench, time.perf_counter, model))
        label = self.labels[model]
        finding = Finding(path, roi, card, result, bounds_offset(slide, self.request), label=label)
        wanted = self.targets[model] or (result.predicted if finding.answer.named else None)
        if self.request.cam is not None and wanted is not None:
            explain = Explain(
                0, ref, roi, (model,), self.request.cam, self.request.stage, wanted, options
            )
            try:
                cam = show.last_of(evidence(explain, self.bench, time.perf_counter, model))
                finding = replace(finding, cam=cam, cam_file=self._draw(slide, finding, cam))
            except Exception as error:  # nor the class, where there is no CAM
                self.failures.append(f"{Path(path).name}: {explain_failure(error)}")
        self.findings.append(finding)
        show.done(f"{label}: {in_words(finding.answer, roi.user_class)}")

    def _options(self, slide: Slide) -> ReadOptions:
        """Tissue is read in windows, of the training images' size when no scale is known."""
        mode: Mode = self.request.mode
        if mode == "auto" and is_tissue(slide, self.request):
            mode = "tiles"
        return ReadOptions(mode, self.request.field_px)

    def _draw(self, slide: Slide, finding: Finding, cam: ExplainResult) -> str:
        from ssmamba.explain.figure import cam_figure

        card = finding.card
        name = next(c.name for c in card.classes if c.key == cam.target)
        likely = headline(finding.answer)
        notes = f" Notes: {'; '.join(cam.notes)}." if cam.notes else ""
        caption = (
            f"{slide.path.name}, {finding.roi.name or 'region'}: {cam.method} of stage {cam.stage} "
            f"for {name} by {finding.label}. Its answer: {likely}.{notes}"
        )
        model = file_label(Path(cam.checkpoint))
        parts = (slide.path.stem, finding.roi.name, model, cam.method)
        file = self._free_name(short_name("_".join(_slug(p) for p in parts if p)))
        try:
            figure = cam_figure(slide, finding.roi, cam.maps, caption)
            with written_whole(self.request.out / file) as partial:
                figure.save(partial, "PNG")
        except OSError as error:
            reason = error.strerror or error
            self.failures.append(
                f"Could not write {self.request.out / file} ({reason}); choose another --out."
            )
            return ""
        return file

    def _free_name(self, base: str) -> str:
        number, name = 1, f"{base}.png"
        while name.casefold() in self._files:  # some file systems ignore case
            number += 1
            name = f"{base}-{number}.png"
        self._files.add(name.casefold())
        return name


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"Could not create the folder {out} ({error.strerror}); choose another with --out."
        ) from error


def _slug(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-") or "region"


class _ProgressLine:
    """Windows done and time left, on standard error, every few seconds."""

    def __init__(self, label: str) -> None:
        self.label = label

    def last_of(self, steps: Steps) -> Any:
        """Do all steps of a job and return its result."""
        last, result = time.monotonic(), None
        for reply in steps:
            if not isinstance(reply, Progress):
                result = reply or result
            elif time.monotonic() - last >= PROGRESS_EVERY_S:
                last = time.monotonic()
                text = f"{reply.done}/{reply.total} windows, {reply.left_s:.0f} s left"
                print(f"{self.label}: {text}", file=sys.stderr)
        return result

    def done(self, text: str) -> None:
        print(f"{self.label}: {text}", file=sys.stderr)
