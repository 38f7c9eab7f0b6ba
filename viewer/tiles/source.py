"""The tiles of one slide, opened and read in workers on request of its clients."""

from __future__ import annotations

import itertools
import threading
import traceback
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from ssmamba.errors import SlideError, SlideReplaced
from ssmamba.runtime.cores import usable_cores
from ssmamba.slides.byte_lru import ByteLru
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.identity import content_hash
from ssmamba.slides.slide import Slide, SlideInfo
from viewer.state.settings import ViewColors
from viewer.text.tr import tr, translated
from viewer.tiles.color_map import ColorMap
from viewer.tiles.pyramid import Pyramid, TileKey
from viewer.tiles.reader import GivenUp, TileCache, TileReader, pixels
from viewer.tiles.requests import RequestQueue

LOOKS_KEPT = 2  # whose tiles stand in while those of new colours are made
PREVIEW_ASPECT_TOLERANCE = 0.03  # a thumbnail that is cropped must not stand in for the slide

_cache_bytes = 512 * 2**20  # of each slide
_looks = itertools.count(1)
_alive: set[TileSource] = set()  # a QObject must not die in a worker thread


class TileSource(QObject):
    """The tiles of one slide, shared by any number of canvases ("clients").

    ``open`` is answered by ``opened`` or ``failed``. ``tile`` never waits and never reads.
    """

    opened = Signal(object)  # SlideInfo
    failed = Signal(str, str)  # message, details; the slide could not be opened
    tile_ready = Signal(object)  # TileKey
    colors_changed = Signal()  # of the view; the tiles of ``look`` are other ones now
    read_failed = Signal(str, str)  # message, details; once for each slide and kind
    _worker_ended = Signal()

    read_delay_s = 0.0  # tests set it to imitate slow storage

    def __init__(self, path: str, *, cache_bytes: int = 0, threads: int = 0) -> None:
        super().__init__()
        self.path = path
        self.info: SlideInfo | None = None
        self.failure: str | None = None  # the message, when the slide could not be opened
        self.pyramid: Pyramid | None = None
        self.preview: QImage | None = None  # the file's thumbnail, when it shows the whole slide
        self.cache: TileCache = ByteLru(cache_bytes or _cache_bytes)
        self.colors = ViewColors()  # of the view
        self.look = 0  # number of these colours, as in the keys of tiles
        self._looks_before: tuple[int, ...] = ()  # that may stand in, the newest first
        self._queue = RequestQueue()
        self._clients: set[Hashable] = set()
        self._bad: set[TileKey] = set()
        self._told: set[type[Exception]] = set()  # kinds of failure, each told once
        self._slide: Slide | None = None
        self._reader: TileReader | None = None
        self._count = threads or max(2, min(6, usable_cores()))
        self._threads: list[threading.Thread] = []
        self._running = 1
        self._running_lock = threading.Lock()
        self._worker_ended.connect(self._on_worker_ended, Qt.ConnectionType.QueuedConnection)

    # --- GUI thread
    def open(self) -> None:
        """Start to open the slide; connect the signals first."""
        _alive.add(self)
        self._start(self._open_and_work)

    def attach(self, client: Hashable) -> None:
        self._clients.add(client)

    def detach(self, client: Hashable) -> None:
        """Forget a client; the slide is closed with the last one."""
        self._clients.discard(client)
        self._queue.forget(client)
        if not self._clients:
            self.close()

    def tile(self, key: TileKey) -> QImage | None:
        return self.cache.get(key)

    def set_colors(self, colors: ViewColors) -> None:
        """Show the slide in other colours, in every canvas; workers change the tiles."""
        if colors == self.colors or self._reader is None:
            return
        self.colors = colors
        before = tuple(look for look in (self.look, *self._looks_before) if look)
        self._looks_before = before[:LOOKS_KEPT]
        self.look = 0 if colors == ViewColors() else next(_looks)
        held = {0, self.look, *self._looks_before}
        self._reader.looks = {self.look: ColorMap(colors)} if self.look else {}
        self.cache.drop(lambda key: key.look not in held)
        self.colors_changed.emit()

    @property
    def recolors(self) -> bool:
        """Whether the view is, or was a moment ago, in other colours than the file's."""
        return bool(self.look or self._looks_before)

    def in_other_colors(self, key: TileKey) -> QImage | None:
        """The tile in the colours that were shown last, or in the file's own."""
        for look in (*self._looks_before, 0):
            if look != key.look and (image := self.cache.get(key._replace(look=look))) is not None:
                return image
        return None

    def is_bad(self, key: TileKey) -> bool:
        """Whether reading the tile failed; it is not tried again."""
        return key in self._bad

    def want(
        self, client: Hashable, visible: Sequence[TileKey], ahead: Sequence[TileKey] = ()
    ) -> None:
        """Replace a client's requests. Tiles in the cache are skipped."""
        self._queue.want(client, self._missing(visible), self._missing(ahead))

    def _missing(self, keys: Sequence[TileKey]) -> list[TileKey]:
        return [k for k in keys if k not in self.cache and k not in self._bad]

    def close(self) -> None:
        """Stop the workers; the file is closed when the last running read has ended."""
        self._queue.close()

    def wait_closed(self, timeout_s: float = 10.0) -> bool:
        """Block until the workers have ended (in tests and at exit)."""
        for thread in self._threads:  # grows until the first worker has started the others
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _on_worker_ended(self) -> None:
        if self._running == 0:
            self.wait_closed()  # their last lines; a thread must not hold the last reference
            self.cache.clear()
            _alive.discard(self)

    # --- worker threads
    def _start(self, target: object) -> None:
        thread = threading.Thread(target=target, name="tiles", daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)  # only now can others wait for its end

    def _open_and_work(self) -> None:
        try:
            opened = self._open()
        finally:
            if self.info is None:
                self._end_worker()
        if opened:
            with self._running_lock:
                self._running += self._count - 1
            for _ in range(self._count - 1):
                self._start(self._work)
            self._work()

    def _open(self) -> bool:
        """Open the slide; False when that failed, which is reported."""
        try:
            slide = Slide.open(self.path)
            self._slide = slide
            self.preview = preview_of(slide)
            transform, notes = self._transform(slide)
        except SlideError as error:
            return self._give_up(translated(str(error)), error)
        except Exception as error:
            message = tr("Could not open {path}. Choose another file.").format(path=self.path)
            return self._give_up(message, error)
        self.pyramid = Pyramid(slide.levels)
        self._reader = TileReader(slide, self.pyramid, self.cache, transform)
        notes = (*slide.info.notes, *notes)
        self.info = replace(slide.info, content_hash=content_hash(slide), notes=notes)
        self._tell(self.opened, self.info)
        return True

    def _give_up(self, message: str, error: Exception) -> Literal[False]:
        self.failure = message
        self._tell(self.failed, message, _details(error))
        return False

    def _transform(self, slide: Slide) -> tuple[SrgbTransform | None, tuple[str, ...]]:
        """How its colours become the screen's, and a note where its profile does not say."""
        if slide.icc_profile is None:
            return None, ()
        try:
            transform = SrgbTransform(slide.icc_profile)
        except SlideError as error:
            return None, (str(error),)
        return None if transform.changes_nothing else transform, ()

    def _work(self) -> None:
        try:
            while (key := self._queue.take()) is not None:
                try:
                    self._read_one(key)
                finally:
                    self._queue.done(key)
        finally:
            self._end_worker()

    def _read_one(self, key: TileKey) -> None:
        if self._reader is None or key in self._bad:
            return
        try:
            self._reader.read(key, lambda: self._still_wanted(key), self.read_delay_s)
        except GivenUp:
            return
        except SlideError as error:
            self._on_bad_tile(key, translated(str(error)), error)
        except Exception as error:
            message = tr("Could not read a part of {name}. Open the slide again to retry.")
            self._on_bad_tile(key, message.format(name=Path(self.path).name), error)
        self._tell(self.tile_ready, key)

    def _still_wanted(self, key: TileKey) -> bool:
        return not self._queue.closed and self._queue.wanted(key)

    def _on_bad_tile(self, key: TileKey, message: str, error: Exception) -> None:
        kind = SlideReplaced if isinstance(error, SlideReplaced) else Exception
        is_first = kind not in self._told
        self._told.add(kind)
        self._bad.add(key)
        if is_first:
            self._tell(self.read_failed, message, _details(error))

    def _tell(self, signal: object, *values: object) -> None:
        """Emit from a worker; nothing once the window is gone."""
        if self._queue.closed:
            return
        try:
            signal.emit(*values)  # type: ignore[attr-defined]
        except RuntimeError:
            self._queue.close()

    def _end_worker(self) -> None:
        with self._running_lock:
            self._running -= 1
            last = self._running == 0
        if last and self._slide is not None:
            self._slide.close()
        try:
            self._worker_ended.emit()
        except RuntimeError:
            return


def set_cache_mb(mib: int) -> None:
    """Memory for the tiles of each slide, those that are open too."""
    global _cache_bytes
    _cache_bytes = mib * 2**20
    for source in list(_alive):
        source.cache.set_limit(_cache_bytes)


def close_all(timeout_s: float = 5.0) -> None:
    """Close every slide and wait for its workers: a thread that still runs while Python shuts
    Qt down at exit would crash."""
    for source in list(_alive):
        source.close()
    for source in list(_alive):
        source.wait_closed(timeout_s)


def preview_of(slide: Slide) -> QImage | None:
    """The thumbnail as a stand-in for a slide that has no coarse level of its own."""
    if len(slide.levels) > 1 or slide.info.vendor == "image":
        return None
    thumbnail = slide.associated_images().get("thumbnail")
    if thumbnail is None:
        return None
    aspect = thumbnail.width / thumbnail.height
    wanted = slide.info.width / slide.info.height
    if abs(aspect / wanted - 1) > PREVIEW_ASPECT_TOLERANCE:
        return None
    image = QImage(thumbnail.width, thumbnail.height, QImage.Format.Format_RGB32)
    target = pixels(image)
    target[..., :3] = np.asarray(thumbnail)[..., ::-1]
    target[..., 3] = 255
    return image


def _details(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
