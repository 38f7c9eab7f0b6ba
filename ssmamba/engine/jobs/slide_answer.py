"""One answer of a slide model for a whole slide, with what each region adds to it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.checkpoints.slide_cards import require_answers
from ssmamba.engine.jobs.bench import Bench, progress
from ssmamba.engine.messages import AnswerSlide, Progress, SlideAnswer
from ssmamba.engine.scheduler import Spent, Steps
from ssmamba.inference.slide_answer import (
    answering,
    depth_of,
    doubts_of,
    most_that_fit,
    probabilities,
)
from ssmamba.inference.slide_regions import reading_regions
from ssmamba.models.slides.encoder import SlideModel
from ssmamba.ops import choose_backend
from ssmamba.reading.preprocess import to_tensor
from ssmamba.reading.values import PackedArray, Stamp
from ssmamba.runtime.memory import free_memory

SHARE = 0.5  # of the free memory, that a pass may take
STEP_S = 0.05  # of reading regions, after which others have their turn


def answer_slide(request: AnswerSlide, bench: Bench, spent: Spent) -> Steps:
    """One ``SlideAnswer``; some regions or one layer a step. Raises CheckpointError or SlideError.

    Of a slide with more regions than fit into half of the free memory, as many as fit are read.
    """
    ref = request.slide
    with (
        bench.models.held(request.checkpoint) as loaded,
        bench.slides.held(ref.path, ref.file) as slide,
    ):
        card, model, spec = loaded.card, loaded.model, loaded.card.input
        require_answers(card, loaded.path.name)
        assert isinstance(spec, SlideSpec) and isinstance(model, SlideModel)
        device = next(model.parameters()).device
        memory = free_memory(device)
        most = 0 if memory is None else most_that_fit(model, spec.window_px, int(SHARE * memory))
        tissue = bench.tissue_of(slide)
        yield None
        steps, at = reading_regions(slide, spec, tissue, ref.mpp, most), time.monotonic()
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                regions = end.value
                break
            if time.monotonic() - at > STEP_S:
                yield Progress(request.job, done, 2 * total)
                at = time.monotonic()
        pixels, count = to_tensor(regions.images, spec).to(device), len(regions.images)
        layers, depth, layer, begun = answering(model, pixels), depth_of(model), 0, spent()
        while True:
            try:
                with bench.at_best((loaded.sha256, count, layer)):
                    next(layers)
            except StopIteration as end:
                said = end.value
                break
            layer += 1
            told = progress(request.job, layer, depth, spent() - begun)
            yield replace(told, done=depth + layer, total=2 * depth, per_second=0.0)
        mpp = ref.mpp or slide.mpp
        assert mpp is not None  # else no region was read
        yield SlideAnswer(
            job=request.job,
            checkpoint=request.checkpoint,
            values=PackedArray.of(probabilities(card, said.logits)),
            windows=PackedArray.of(regions.windows),
            groups=PackedArray.of(said.groups),
            parts=PackedArray.of(said.parts),
            base=PackedArray.of(said.base),
            tokens=PackedArray.of(said.tokens),
            left_out=regions.left_out,
            doubts=doubts_of(loaded, regions, said.logits, mpp),
            stamp=Stamp(
                slide_path=str(slide.path),
                slide_hash=slide.quick_hash,
                roi_id="",
                roi_geometry="",
                checkpoint_sha256=loaded.sha256,
                device=str(device),
                scan_backend=choose_backend(str(device)).name,
                mpp=spec.mpp,
                icc=False,
                mode="slide",
                time=datetime.now(UTC).isoformat(timespec="seconds"),
            ),
            seconds=spent(),
        )
