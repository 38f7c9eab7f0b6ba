"""What each request does, in the engine's process or in a command's.

A job emits messages as it goes and raises on failure; it asks ``check`` between batches, which
raises ``Cancelled`` when the job is no longer wanted.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from ssmamba.engine.messages import (
    CheckpointLoaded,
    Classify,
    ClassifyResult,
    Explain,
    ExplainResult,
    LoadCheckpoint,
    Progress,
    Reconstruct,
    ReconstructResult,
    Reply,
    Request,
)
from ssmamba.engine.region import Region, read_as
from ssmamba.engine.store import ModelStore, SlideStore
from ssmamba.engine.threads import ThreadTuner
from ssmamba.errors import InputError, SSMambaError, did_you_mean
from ssmamba.inference.judge import Judge
from ssmamba.inference.predictor import Prediction, Predictor, is_out_of_memory
from ssmamba.reading.plan import read_window
from ssmamba.reading.preprocess import to_tensor
from ssmamba.reading.values import CamMap, Window
from ssmamba.runtime.device import Device

REMEMBERED = 256  # answers kept, so that a CAM of the predicted class need not classify again

Emit = Callable[[Reply], None]
Check = Callable[[], None]


class Cancelled(Exception):
    """The job was cancelled; raised by ``check``."""


class Jobs:
    """Runs requests on one device; not for use from several threads."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.models = ModelStore(device)
        self.slides = SlideStore()
        self.threads = ThreadTuner()
        self._answers: OrderedDict[tuple, str] = OrderedDict()  # -> predicted class key

    def run(self, request: Request, emit: Emit, check: Check) -> None:
        """Do one request; its results go to ``emit``. Raises SSMambaError or Cancelled."""
        if isinstance(request, LoadCheckpoint):
            self._load(request, emit)
        elif isinstance(request, Classify):
            self._each(
                request.checkpoints, check, lambda p: self._classify(request, p, emit, check)
            )
        elif isinstance(request, Explain):
            self._each(request.checkpoints, check, lambda p: self._explain(request, p, emit, check))
        elif isinstance(request, Reconstruct):
            self._reconstruct(request, emit)
        else:
            raise SSMambaError(f"The engine does not know {type(request).__name__}; update it.")

    @staticmethod
    def _each(paths: Sequence[str], check: Check, work: Callable[[str], None]) -> None:
        """One model that fails does not keep the others from answering."""
        if not paths:
            raise InputError("No model is loaded; open a checkpoint first.")
        failures: list[SSMambaError] = []
        for path in paths:
            check()
            try:
                work(path)
            except SSMambaError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _load(self, request: LoadCheckpoint, emit: Emit) -> None:
        start = time.perf_counter()
        loaded = self.models.checkpoint(request.path)
        seconds = time.perf_counter() - start
        emit(CheckpointLoaded(request.job, request.path, loaded.sha256, loaded.parameters, seconds))

    def _classify(self, request: Classify, path: str, emit: Emit, check: Check) -> None:
        start = time.perf_counter()
        predictor = self.models.predictor(path)
        region = read_as(request, self.slides, predictor.card.input)
        judge = Judge(predictor.card, predictor.checkpoint.extra)
        pieces = []
        for first, pixels in region.batches(predictor.batch_size):
            check()
            prediction = self._predict(predictor, pixels)
            judge.add(pixels, prediction.features)
            pieces.append(prediction.probabilities)
            _progress(request.job, first + len(pixels), region, emit)
        windows = np.concatenate(pieces)
        mean = windows.mean(axis=0, dtype=np.float64)
        keys = [c.key for c in predictor.card.classes]
        predicted = keys[int(mean.argmax())]
        self._remember(region.key(predictor.checkpoint.sha256), predicted)
        emit(
            ClassifyResult(
                job=request.job,
                roi_id=request.roi.id,
                checkpoint=path,
                probabilities=dict(zip(keys, mean.tolist(), strict=True)),
                predicted=predicted,
                trust=judge.verdict(mean.tolist()),
                windows=region.plan.windows,
                stamp=region.stamp(predictor.checkpoint.sha256, predictor.device),
                seconds=time.perf_counter() - start,
                notes=region.plan.notes + predictor.notes,
                window_probabilities=tuple(tuple(row) for row in windows.tolist()),
            )
        )

    def _explain(self, request: Explain, path: str, emit: Emit, check: Check) -> None:
        from ssmamba.explain.methods import find_method

        start = time.perf_counter()
        method = find_method(request.method)
        predictor = self.models.predictor(path)
        stage = request.stage or predictor.card.cam_stage
        region = read_as(request, self.slides, predictor.card.input)
        target = request.target or self._predicted(predictor, region, check)
        keys = [c.key for c in predictor.card.classes]
        if target not in keys:
            raise InputError(
                f"{predictor.checkpoint.path.name} has no class '{target}'"
                f"{did_you_mean(target, keys)}; choose one of its classes."
            )
        maps: list[CamMap] = []
        for first, pixels in region.batches(max(1, predictor.batch_size // 2)):
            check()
            work = (predictor.checkpoint.sha256, method.name, stage, len(pixels))
            with self.threads.measured(work):
                values = _cam_values(predictor, pixels, method.name, keys.index(target), stage)
            for offset, image in enumerate(values):
                window = region.plan.windows[first + offset]
                maps.append(_cam_map(predictor, window, image, stage))
            _progress(request.job, len(maps), region, emit)
        flat = [np.frombuffer(m.values, np.float32) for m in maps]
        stamp = region.stamp(predictor.checkpoint.sha256, predictor.device, method.name)
        emit(
            ExplainResult(
                job=request.job,
                roi_id=request.roi.id,
                checkpoint=path,
                method=method.name,
                stage=stage,
                target=target,
                maps=tuple(maps),
                low=float(min(v.min() for v in flat)),
                high=float(max(v.max() for v in flat)),
                stamp=stamp,
                seconds=time.perf_counter() - start,
                notes=region.plan.notes + predictor.notes,
            )
        )

    def _reconstruct(self, request: Reconstruct, emit: Emit) -> None:
        from ssmamba.explain.reconstruct import mamim_of, reconstruct

        start = time.perf_counter()
        loaded = self.models.checkpoint(request.checkpoint)
        model, spec = mamim_of(loaded), loaded.card.input
        region = read_as(request, self.slides, spec)
        window = region.middle_window()
        pixels = read_window(region.slide, window, region.plan.out_px, region.icc)
        with self.threads.measured((loaded.sha256, "MAMIM")):
            result = reconstruct(model, pixels, spec, request.mask_ratio, request.seed)
        stamp = region.stamp(loaded.sha256, self.device, "MAMIM", request.seed)
        emit(
            ReconstructResult(
                job=request.job,
                roi_id=request.roi.id,
                checkpoint=request.checkpoint,
                window=window,
                shape=(result.original.shape[0], result.original.shape[1]),
                masked=result.masked.tobytes(),
                reconstruction=result.reconstruction.tobytes(),
                original=result.original.tobytes(),
                mask_ratio=request.mask_ratio,
                seed=request.seed,
                psnr=result.psnr,
                ssim=result.ssim,
                stamp=stamp,
                seconds=time.perf_counter() - start,
                notes=region.plan.notes + result.notes,
            )
        )

    def _predicted(self, predictor: Predictor, region: Region, check: Check) -> str:
        """The class that the model gives a region, remembered from its classification."""
        key = region.key(predictor.checkpoint.sha256)
        if key not in self._answers:
            total = np.zeros(len(predictor.card.classes))
            for _, pixels in region.batches(predictor.batch_size):
                check()
                total += self._predict(predictor, pixels).probabilities.sum(axis=0)
            self._remember(key, predictor.card.classes[int(total.argmax())].key)
        return self._answers[key]

    def _predict(self, predictor: Predictor, pixels: np.ndarray) -> Prediction:
        with self.threads.measured((predictor.checkpoint.sha256, len(pixels))):
            return predictor.predict(pixels)

    def _remember(self, key: tuple, predicted: str) -> None:
        self._answers[key] = predicted
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)


def _progress(job: int, done: int, region: Region, emit: Emit) -> None:
    total = len(region.plan.windows)
    if total > 1:
        emit(Progress(job, done, total, f"{done} of {total} windows"))


def _cam_map(predictor: Predictor, window: Window, values: np.ndarray, stage: int) -> CamMap:
    """The message for one map (h, w) float32."""
    from ssmamba.explain.cam import spanned_cells

    side, shape = predictor.card.input.window_px, (values.shape[0], values.shape[1])
    cells = spanned_cells(predictor.model, stage, (side, side), shape)
    return CamMap(window, shape, values.tobytes(), cells)


def _cam_values(
    predictor: Predictor, pixels: np.ndarray, method: str, class_index: int, stage: int
) -> list[np.ndarray]:
    """Raw maps of a batch; when a GPU is out of memory, one image at a time, then on the CPU."""
    from ssmamba.explain.cam import cam_maps

    def maps(images: np.ndarray) -> list[np.ndarray]:
        batch = to_tensor(images, predictor.card.input).to(predictor.device.name)
        return list(cam_maps(predictor.model, batch, method, class_index, stage))

    try:
        return maps(pixels)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    predictor.make_room()
    if len(pixels) == 1:
        return _cam_values(predictor, pixels, method, class_index, stage)
    return [
        m
        for i in range(len(pixels))
        for m in _cam_values(predictor, pixels[i : i + 1], method, class_index, stage)
    ]
