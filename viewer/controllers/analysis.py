"""Requests the wanted results from the engine and stores its answers."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QTimer, Signal

from ssmamba.engine.messages import (
    Cancel,
    CheckpointFailed,
    CheckpointLoaded,
    ClassifyResult,
    ExplainResult,
    JobCancelled,
    JobDone,
    JobFailed,
    KeepSlides,
    LoadCheckpoint,
    Priority,
    Progress,
    ReconstructResult,
)
from viewer.controllers.shared import Controller, Shared
from viewer.services.engine_bridge import EngineBridge
from viewer.state import planning
from viewer.state.activity import Activity
from viewer.state.jobs import Job, JobTable
from viewer.state.planning import Task
from viewer.state.results import Key
from viewer.text.tr import tr, translated

IN_FLIGHT = 2  # background requests at the engine: enough that it never idles, few to cancel
RESTARTS = 3  # crashes without a result in between before the viewer stops trying
CANCEL_PATIENCE_S = 10.0  # an engine that has not ended a cancelled job by then is stopped


class AnalysisController(Controller):
    """Keeps the engine's jobs in step with the results that the user wants to see."""

    activity_changed = Signal(str, int, int)  # activity, steps done, steps in all; "" = idle
    job_failed = Signal(str)
    model_replaced = Signal(str)  # path of a checkpoint whose file is no longer the one listed

    def __init__(self, shared: Shared, bridge: EngineBridge) -> None:
        super().__init__(shared)
        self._bridge = bridge
        self._asked: dict[str, None] = {}  # region ids in the order of the requests
        self._jobs = JobTable()
        self._waiting: deque[Task] = deque()  # requests not sent yet, the most urgent first
        self._failed: dict[Key, str] = {}
        self._loading: dict[int, str] = {}  # job -> checkpoint that the engine loads ahead
        self._read_ahead: set[tuple[str, str]] = set()  # path and version
        self._deaths = 0
        self._activity = Activity(self._jobs)
        self._told_stop = ""  # the warning that the model process stopped, until it is back
        self.auto_classify = True
        self.all_maps = False
        self._pump_soon = QTimer(self, singleShot=True, interval=0)
        self._pump_soon.timeout.connect(self._pump)
        self._look_for_hung = QTimer(self, singleShot=True)
        self._look_for_hung.timeout.connect(self._end_hung)
        self._listen()

    def _listen(self) -> None:
        document = self._document
        for event in (document.rois_changed, document.slide_settings_changed):
            event.connect(self.refresh)
        for event in (document.maps.changed, document.map_painting_changed):
            event.connect(self.refresh)
        document.picture_settings_changed.connect(self.refresh)
        document.slide_changed.connect(self._on_slide_changed)
        document.selection_changed.connect(self._on_selected)
        self._library.changed.connect(self._drop_replaced)
        self._library.changed.connect(self.refresh)
        self._library.shown_changed.connect(self.refresh)
        self._library.changed.connect(self._load_ahead)
        self._bridge.ready.connect(self._load_ahead)
        self._bridge.replied.connect(self._on_reply)
        self._bridge.died.connect(self._on_died)
        self._bridge.ready.connect(self._on_back)

    # --- requests
    def ask(self, roi_ids: list[str]) -> None:
        """Classify these regions now and keep their answers up to date."""
        asked = dict.fromkeys(roi_ids)
        self._asked.update(asked)
        self._failed = {k: v for k, v in self._failed.items() if k.roi_id not in asked}
        self._deaths = 0
        self.refresh()

    def stop(self) -> None:
        """Cancel queued and running requests; finished results are kept."""
        missing = planning.missing(self._wanted(), self._document, self._failed)
        for task in [*missing, *(job.task for job in self._jobs.active)]:
            self._asked.pop(task.roi.id, None)
        self._pump()
        self._document.results_changed.emit(None)

    def set_auto_classify(self, on: bool) -> None:
        """Whether drawing or selecting a region classifies it at once."""
        self.auto_classify = on

    def refresh(self, *_: object) -> None:
        """Request missing results once the current events are handled."""
        self._pump_soon.start()

    def failure(self, key: Key) -> str | None:
        """Why a result could not be computed; None if it did not fail."""
        return self._failed.get(key)

    def is_pending(self, key: Key) -> bool:
        """Whether a result is being computed or queued."""
        if key in self._document.results or key in self._failed or not self.is_asked(key.roi_id):
            return False
        own = planning.wanted(self._document, self._library, [key.roi_id], self.all_maps)
        return any(key in task.keys for task in own)

    def is_asked(self, roi_id: str) -> bool:
        """Whether a region has been requested and the engine still works."""
        given_up = self._deaths > RESTARTS or self._document.slide is None
        return roi_id in self._asked and not given_up

    @property
    def busy(self) -> bool:
        return bool(self._jobs or self._loading) or self._pump_soon.isActive()

    @property
    def is_asking(self) -> bool:
        """Whether there is anything for ``stop`` to cancel."""
        return bool(self._jobs.active)

    # --- jobs
    def _wanted(self) -> list[Task]:
        return planning.wanted(self._document, self._library, self._asked, self.all_maps)

    def _pump(self) -> None:
        """Cancel requests no longer wanted; send missing ones, the most urgent first.

        The map of a region that is no longer selected is finished when nothing else is queued.
        """
        tasks = [] if self._deaths > RESTARTS else self._wanted()
        at_work = {job.task.roi.id for job in self._jobs.active} & self._asked.keys()
        under_way = planning.wanted(self._document, self._library, at_work, all_maps=True)
        urgency = {key: task.priority for task in [*tasks, *under_way] for key in task.keys}
        for change in self._jobs.follow(urgency):
            self._bridge.send(change)
            if isinstance(change, Cancel) and not self._look_for_hung.isActive():
                self._look_for_hung.start(int(CANCEL_PATIENCE_S * 1000))
        self._waiting = deque(planning.missing(tasks, self._document, self._failed))
        self._fill()

    def _fill(self) -> None:
        """Send the requests in view, and a few of the rest."""
        pending = self._jobs.pending()
        while self._waiting:
            priority = self._waiting[0].priority
            if priority >= Priority.REST and self._jobs.count(priority) >= IN_FLIGHT:
                break
            first = [self._waiting.popleft()]
            for task in planning.missing(first, self._document, pending, self._failed):
                self._send(task)
        self._tell()

    def _load_ahead(self, *_: object) -> None:
        """Let a running engine load the models in use before the first request."""
        if self._bridge.state is None:
            return
        masked = self._library.reconstructor
        models = [*self._library.in_use, *([masked] if masked is not None else [])]
        for model in models:
            if (model.path, model.version) not in self._read_ahead:
                self._read_ahead.add((model.path, model.version))
                number = self._jobs.new_number()
                self._loading[number] = model.path
                self._bridge.send(LoadCheckpoint(number, model.path, priority=Priority.AHEAD))

    def _send(self, task: Task) -> None:
        number = self._jobs.add(task)
        self._bridge.send(planning.request(task, number, self._document))

    def _tell(self) -> None:
        """Report the current activity."""
        ready = self._bridge.state is not None
        self.activity_changed.emit(*self._activity.now(len(self._waiting), ready))

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
            return  # of a slide or a request that is gone
        if isinstance(reply, Progress):
            job.progress = reply
            self._tell()
        elif isinstance(reply, ClassifyResult | ExplainResult | ReconstructResult):
            self._file(job, reply)
        elif isinstance(reply, CheckpointFailed):
            self._fail(job, {k for k in job.pending if k.checkpoint == reply.checkpoint}, reply)
        elif isinstance(reply, JobDone | JobCancelled | JobFailed):
            self._end(reply, job)

    def _end_loading(self, reply: object) -> None:
        """Report a model that cannot be loaded at once, and switch it off."""
        if isinstance(reply, JobDone | JobCancelled | JobFailed):
            path = self._loading.pop(reply.job)
            if isinstance(reply, JobFailed):
                self._library.set_in_use(path, False)
                message = translated(reply.message)
                self._messages.error(message, reply.details)
                self.job_failed.emit(message)

    def _file(self, job: Job, result: ClassifyResult | ExplainResult | ReconstructResult) -> None:
        key = next((k for k in job.pending if k.checkpoint == result.checkpoint), None)
        if key is None or job.cancelled or self._document.roi(key.roi_id) is None:
            return
        model = self._library.get(result.checkpoint)
        if model is not None and model.sha256 not in ("", result.stamp.checkpoint_sha256):
            self.model_replaced.emit(model.path)  # its card must be read again first
            return
        job.pending.discard(key)
        self._deaths = 0
        selected = self._document.selected
        self._document.results.put(key, result, in_view=selected.id if selected else "")
        self._document.results_changed.emit(key.roi_id)

    def _end(self, reply: JobDone | JobCancelled | JobFailed, job: Job) -> None:
        self._jobs.end(reply.job)
        if isinstance(reply, JobFailed):
            self._fail(job, job.pending, reply)
        elif isinstance(reply, JobDone) and not job.cancelled:
            failure = tr("The model returned no result. Try again.")
            self._failed.update(dict.fromkeys(job.pending, failure))
        if not self._pump_soon.isActive():  # nothing but this job has changed
            self._fill()

    def _fail(self, job: Job, keys: set[Key], reply: CheckpointFailed | JobFailed) -> None:
        """Remember why these results failed; a reason that several share is reported once."""
        if job.cancelled:
            return
        told = {self._failed.get(key) for key in job.task.keys}
        message = translated(reply.message)
        self._failed.update(dict.fromkeys(keys, message))
        job.pending = job.pending - keys
        if message not in told:
            self._messages.error(message, reply.details)
            self.job_failed.emit(message)
        self._document.results_changed.emit(job.task.roi.id)

    def _on_died(self, why: str) -> None:
        """Start the engine again and repeat the requests, unless it keeps crashing."""
        self._forget_engine()
        self._deaths += 1
        if self._deaths > RESTARTS:
            text = tr("The model process keeps stopping. Try a smaller region or another model.")
            self._messages.error(text, why)
            self.job_failed.emit(text)
        else:
            self._told_stop = tr("The model process stopped and is being restarted.")
            self._messages.warn(self._told_stop, why, stays=True)
            self._bridge.start()
        self.refresh()

    def _on_back(self, *_: object) -> None:
        """Say so when a model process that stopped works again, in place of the warning."""
        told, self._told_stop = self._told_stop, ""
        if told:
            text = tr("The model process was restarted. Unfinished work is resumed.")
            self._messages.info(text, replaces=told)

    def _end_hung(self) -> None:
        """Replace an engine that does not react to a cancellation."""
        unheard_s = self._jobs.longest_unheard_s()
        if unheard_s is None:
            return
        if unheard_s < CANCEL_PATIENCE_S or self._bridge.state is None:  # it may still be starting
            left_s = max(CANCEL_PATIENCE_S - unheard_s, 0.5)
            self._look_for_hung.start(int(left_s * 1000))
            return
        self.restart_engine()

    def restart_engine(self) -> None:
        """Replace the model process; what was asked of it is asked of the new one."""
        self._forget_engine()
        self._bridge.restart()
        self.refresh()

    def _forget_engine(self) -> None:
        self._jobs.clear()
        self._loading.clear()
        self._read_ahead.clear()

    # --- changes of the document and of the list of models
    def _drop_replaced(self) -> None:
        """Drop results of checkpoint files that have been replaced."""
        self._document.results.drop_replaced(self._library.versions())

    def _on_slide_changed(self) -> None:
        self._asked.clear()
        self._failed.clear()
        slide = self._document.slide
        if self._bridge.started:  # the previous slide need not stay open there
            self._bridge.send(KeepSlides(() if slide is None else (slide.path,)))
        self.refresh()

    def _on_selected(self) -> None:
        roi = self._document.selected
        if roi is not None and self.auto_classify and roi.id not in self._asked:
            self.ask([roi.id])
        self.refresh()
