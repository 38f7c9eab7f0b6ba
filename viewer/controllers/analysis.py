"""Asks the engine for the results that are wanted, and files its answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QTimer, Signal

from ssmamba.engine.messages import (
    Cancel,
    CheckpointLoaded,
    ClassifyResult,
    ExplainResult,
    JobCancelled,
    JobDone,
    JobFailed,
    LoadCheckpoint,
    Progress,
    ReconstructResult,
)
from viewer import planning
from viewer.document import Document
from viewer.engine_bridge import EngineBridge
from viewer.library import ModelLibrary
from viewer.messages import MessageCenter
from viewer.planning import Task
from viewer.results import AnswerKey, Key, MapKey

IN_FLIGHT = 2  # requests at the engine at once: it never idles, and little is to be cancelled
RESTARTS = 3  # deaths without an answer in between before the viewer stops trying


@dataclass
class Job:
    """A request that is under way."""

    task: Task
    pending: set[Key] = field(default_factory=set)
    cancelled: bool = False


class AnalysisController(QObject):
    """Keeps what the engine does in step with what the user wants to see."""

    activity_changed = Signal(str, int, int)  # what is done, steps done, steps in all; "" = idle
    job_failed = Signal(str)

    def __init__(
        self,
        document: Document,
        library: ModelLibrary,
        bridge: EngineBridge,
        messages: MessageCenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._library = library
        self._bridge = bridge
        self._messages = messages
        self._asked: dict[str, None] = {}  # region ids in the order of asking
        self._jobs: dict[int, Job] = {}
        self._failed: dict[Key, str] = {}
        self._next_job = 1
        self._loading: dict[int, str] = {}  # job -> checkpoint that the engine reads ahead
        self._read_ahead: set[str] = set()
        self._deaths = 0
        self.auto_classify = True
        self.all_maps = False
        self._pump_soon = QTimer(self, singleShot=True, interval=0)
        self._pump_soon.timeout.connect(self._pump)
        self._listen()

    def _listen(self) -> None:
        document = self._document
        for event in (document.rois_changed, document.calibration_changed):
            event.connect(self.refresh)
        for event in (document.map_settings_changed, document.picture_settings_changed):
            event.connect(self.refresh)
        document.slide_changed.connect(self._on_slide_changed)
        document.selection_changed.connect(self._on_selected)
        self._library.changed.connect(self.refresh)
        self._library.shown_changed.connect(self.refresh)
        self._library.changed.connect(self._load_ahead)
        self._bridge.ready.connect(self._load_ahead)
        self._bridge.replied.connect(self._on_reply)
        self._bridge.died.connect(self._on_died)

    # --- wishes
    def ask(self, roi_ids: list[str]) -> None:
        """Classify these regions now and keep their answers up to date."""
        for roi_id in roi_ids:
            self._asked[roi_id] = None
        self._failed = {k: v for k, v in self._failed.items() if k.roi_id not in roi_ids}
        self._deaths = 0
        self.refresh()

    def set_auto_classify(self, on: bool) -> None:
        """Whether drawing or selecting a region asks the models at once."""
        self.auto_classify = on

    def refresh(self, *_: object) -> None:
        """Something changed: see soon what is missing."""
        self._pump_soon.start()

    def failure(self, key: Key) -> str | None:
        """Why a result could not be made, if so."""
        return self._failed.get(key)

    def is_pending(self, key: Key) -> bool:
        """Whether a result is under way or will be asked for."""
        if key in self._document.results or key in self._failed or not self.is_asked(key.roi_id):
            return False
        own = planning.wanted(self._document, self._library, [key.roi_id], self.all_maps)
        return any(key in task.keys for task in own)

    def is_asked(self, roi_id: str) -> bool:
        """Whether the models work on a region, or will."""
        given_up = self._deaths > RESTARTS or self._document.slide is None
        return roi_id in self._asked and not given_up

    @property
    def busy(self) -> bool:
        return bool(self._jobs or self._loading) or self._pump_soon.isActive()

    # --- jobs
    def _wanted(self) -> list[Task]:
        return planning.wanted(self._document, self._library, self._asked, self.all_maps)

    def _pump(self) -> None:
        """Cancel what is no longer wanted; send what is missing, the most urgent first."""
        if self._document.slide is None or self._deaths > RESTARTS:
            self._tell()
            return
        tasks = self._wanted()
        wanted = {key for task in tasks for key in task.keys}
        for number, job in self._jobs.items():
            if not job.cancelled and not job.pending & wanted:
                job.cancelled = True
                self._bridge.send(Cancel(number))
        settled: set[Key] = set(self._failed)
        settled.update(*(j.pending for j in self._jobs.values() if not j.cancelled))
        active = sum(not job.cancelled for job in self._jobs.values())
        for task in planning.missing(tasks, self._document, settled)[: IN_FLIGHT - active]:
            self._send(task)
        self._tell()

    def _load_ahead(self, *_: object) -> None:
        """Let a running engine read the models in use before the first question comes."""
        if self._bridge.state is None:
            return
        masked = self._library.reconstructor
        models = [*self._library.in_use, *([masked] if masked is not None else [])]
        for model in models:
            if model.path not in self._read_ahead:
                self._read_ahead.add(model.path)
                number = self._new_number()
                self._loading[number] = model.path
                self._bridge.send(LoadCheckpoint(number, model.path))

    def _new_number(self) -> int:
        number, self._next_job = self._next_job, self._next_job + 1
        return number

    def _send(self, task: Task) -> None:
        number = self._new_number()
        self._jobs[number] = Job(task, set(task.keys))
        self._bridge.send(planning.request(task, number, self._document))

    def _tell(self, done: int = 0, total: int = 0) -> None:
        active = [job for job in self._jobs.values() if not job.cancelled]
        text = ""
        if active:
            name = active[0].task.roi.name or "the region"
            text = f"{_verb(active[0].task.keys[0])} {name}"
            if self._bridge.state is None:
                text = "Starting the models"
        self.activity_changed.emit(text, done, total)

    # --- replies
    def _on_reply(self, reply: object) -> None:
        if isinstance(reply, CheckpointLoaded):
            self._library.note_loaded(reply.path, reply.sha256, reply.parameters)
            return
        if getattr(reply, "job", -1) in self._loading:
            self._end_loading(reply)
            return
        job = self._jobs.get(getattr(reply, "job", -1))
        if job is None:
            return  # of a slide or a wish that is gone
        if isinstance(reply, Progress):
            if not job.cancelled:
                self._tell(reply.done, reply.total)
        elif isinstance(reply, ClassifyResult | ExplainResult | ReconstructResult):
            self._file(job, reply)
        elif isinstance(reply, JobDone | JobCancelled | JobFailed):
            self._end(reply, job)

    def _end_loading(self, reply: object) -> None:
        """A model that cannot be loaded is told of at once and taken out of use."""
        if isinstance(reply, JobDone | JobCancelled | JobFailed):
            path = self._loading.pop(reply.job)
            if isinstance(reply, JobFailed):
                self._library.set_in_use(path, False)
                self._messages.error(reply.message, reply.details)
                self.job_failed.emit(reply.message)

    def _file(self, job: Job, result: ClassifyResult | ExplainResult | ReconstructResult) -> None:
        key = next((k for k in job.pending if k.checkpoint == result.checkpoint), None)
        if key is None or job.cancelled or self._document.roi(key.roi_id) is None:
            return
        job.pending.discard(key)
        self._deaths = 0
        self._document.results.put(key, result)
        self._document.results_changed.emit(key.roi_id)

    def _end(self, reply: JobDone | JobCancelled | JobFailed, job: Job) -> None:
        del self._jobs[reply.job]
        if isinstance(reply, JobFailed):
            self._fail(job, reply.message, reply.details)
        elif isinstance(reply, JobDone) and not job.cancelled:
            self._failed.update(dict.fromkeys(job.pending, "The model gave no answer."))
        self.refresh()

    def _fail(self, job: Job, message: str, details: str) -> None:
        if job.cancelled:
            return
        self._failed.update(dict.fromkeys(job.pending, message))
        self._messages.error(message, details)
        self.job_failed.emit(message)
        self._document.results_changed.emit(job.task.roi.id)

    def _on_died(self, why: str) -> None:
        """The engine is gone: ask again in a new one, unless it dies of the same thing."""
        self._jobs.clear()
        self._loading.clear()
        self._read_ahead.clear()
        self._deaths += 1
        if self._deaths > RESTARTS:
            text = "The model process keeps stopping; choose a smaller region or another model."
            self._messages.error(text, why)
            self.job_failed.emit(text)
        else:
            self._messages.warn("The model process stopped; it has been started again.", why)
            self._bridge.start()
        self.refresh()

    # --- changes of the document
    def _on_slide_changed(self) -> None:
        self._asked.clear()
        self._failed.clear()
        self.refresh()

    def _on_selected(self) -> None:
        roi = self._document.selected
        if roi is not None and self.auto_classify:
            self._asked[roi.id] = None
        self.refresh()


def _verb(key: Key) -> str:
    if isinstance(key, AnswerKey):
        return "Classifying"
    return "Mapping the evidence in" if isinstance(key, MapKey) else "Reconstructing"
