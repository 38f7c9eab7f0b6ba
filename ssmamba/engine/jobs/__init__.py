"""The kinds of job, one file each; they run in the engine's process or in a command's.

A kind is a generator function (request, bench, spent): every ``yield`` ends a step, after which
other jobs may have their turn; a yielded reply is sent. It raises SSMambaError when the whole
request fails. Another kind is a request in ``messages``, a file here and a line in ``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ssmamba.engine.jobs.bench import Bench, each_checkpoint
from ssmamba.engine.jobs.classify import answer
from ssmamba.engine.jobs.explain import evidence
from ssmamba.engine.jobs.fit import measure_fit
from ssmamba.engine.jobs.load import load
from ssmamba.engine.jobs.reconstruct import reconstruct_region
from ssmamba.engine.jobs.scan import scan_slide
from ssmamba.engine.jobs.slide_answer import answer_slide
from ssmamba.engine.messages import (
    AnswerSlide,
    Classify,
    Explain,
    JobRequest,
    LoadCheckpoint,
    MeasureFit,
    Reconstruct,
    ScanSlide,
)
from ssmamba.engine.scheduler import Spent, Steps
from ssmamba.errors import SSMambaError
from ssmamba.runtime.device import Device

KINDS: dict[type[JobRequest], Callable[[Any, Bench, Spent], Steps]] = {
    LoadCheckpoint: load,
    Classify: partial(each_checkpoint, answer),
    Explain: partial(each_checkpoint, evidence),
    Reconstruct: reconstruct_region,
    MeasureFit: measure_fit,
    ScanSlide: scan_slide,
    AnswerSlide: answer_slide,
}


class Jobs:
    """Begins requests on one device; not for use from several threads."""

    def __init__(self, device: Device) -> None:
        self.bench = Bench(device, "auto")

    def begin(self, request: JobRequest, spent: Spent) -> Steps:
        """The steps of a request. Raises SSMambaError for one of an unknown kind."""
        if type(request) not in KINDS:
            name = type(request).__name__
            raise SSMambaError("The engine does not know {name}; update it.", name=name)
        return KINDS[type(request)](request, self.bench, spent)

    def keep_slides(self, paths: Sequence[str]) -> None:
        """Close the slides that nobody will ask about."""
        self.bench.slides.keep_only(paths)
