"""Class probabilities of a region, by each checkpoint, and whether to believe them."""

from __future__ import annotations

from ssmamba.engine.jobs.bench import Bench, progress
from ssmamba.engine.jobs.poll import poll
from ssmamba.engine.messages import Classify, ClassifyResult, Progress
from ssmamba.engine.scheduler import Spent, Steps
from ssmamba.reading.values import PackedArray


def answer(request: Classify, bench: Bench, spent: Spent, path: str) -> Steps:
    """The mean over a region's windows by one checkpoint, a batch a step. Raises SSMambaError."""
    start = spent()
    with bench.reading(request, path, spent) as (predictor, region):
        begun = spent()

        def told(done: int) -> Progress:
            return progress(request.job, done, region.count, spent() - begun)

        found = yield from poll(bench, predictor, region, told)
        judge, plan, mean = found.judge, region.plan, found.mean.tolist()
        yield ClassifyResult(
            job=request.job,
            roi_id=request.roi.id,
            checkpoint=path,
            probabilities=dict(zip((c.key for c in predictor.card.classes), mean, strict=True)),
            predicted=found.predicted,
            trust=judge.verdict(mean, plan.area),
            windows=PackedArray.of(plan.windows),
            stamp=region.stamp(
                predictor.checkpoint.sha256, predictor.device, precision=predictor.answered_in
            ),
            seconds=spent() - start,
            notes=plan.notes + predictor.notes,
            window_probabilities=PackedArray.of(found.windows),
            read_share=min(1.0, judge.voted_area / plan.area),
            left_out=judge.left_out,
        )
