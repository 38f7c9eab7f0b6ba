"""What the models are doing, in words; no Qt."""

from __future__ import annotations

from viewer.state.batch import Batch
from viewer.state.jobs import Job, JobTable
from viewer.state.results import AnswerKey, Key, MapKey
from viewer.text import formats
from viewer.text.tr import tr

BATCH = 10  # from this many requests on, the place in their queue is shown

Told = tuple[str, int, int]  # activity, steps done, steps in all; "" = idle, 0 of 0 = unknown


class Activity:
    """Tells of the foremost job, or of the queue that it belongs to."""

    def __init__(self, jobs: JobTable) -> None:
        self._jobs = jobs
        self._batch = Batch()

    def now(self, waiting: int, ready: bool) -> Told:
        """waiting: requests not sent yet; ready: the engine has started."""
        self._batch.follow(waiting + len(self._jobs.active))
        job = self._jobs.foremost
        if job is None:
            return "", 0, 0
        if not ready:
            return tr("Starting models"), 0, 0
        text = _doing(job.task.keys[0]).format(region=job.task.roi.name or tr("region"))
        return self._in_queue(text) if self._batch.total >= BATCH else _alone(text, job)

    def _in_queue(self, text: str) -> Told:
        """The place in the queue and the time left in it, not those of one region."""
        batch = self._batch
        place, total = formats.whole(batch.place), formats.whole(batch.total)
        text = tr("{text}, {place} of {total}").format(text=text, place=place, total=total)
        if batch.left_s is not None and batch.left_s >= 1:
            text += tr(", {time} left").format(time=formats.duration(batch.left_s))
        return text, batch.done, batch.total


def _alone(text: str, job: Job) -> Told:
    progress = job.progress
    if progress is None:
        return text, 0, 0
    pace = formats.pace(progress.per_second, progress.left_s)
    return f"{text}, {pace}", progress.done, progress.total


def _doing(key: Key) -> str:
    if isinstance(key, AnswerKey):
        return tr("Classifying {region}")
    is_map = isinstance(key, MapKey)
    return tr("Computing evidence map of {region}") if is_map else tr("Reconstructing {region}")
