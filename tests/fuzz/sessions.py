"""What is kept of slides: snapshots, journals, and the files of version 0.1."""

from __future__ import annotations

import shutil
from pathlib import Path

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from tests.fuzz.harness import Door, Sample
from viewer.saving.contents import contents_of
from viewer.saving.session import SessionStore
from viewer.saving.slide_key import former_key, key_of
from viewer.state.settings import SlideSettings

INFO = SlideInfo("a.svs", "a.svs", "aperio", 1000, 1000, (), 0.5, None, None, False, "h", {})
HOLE = ((8.0, 8.0), (9.0, 8.0), (9.0, 9.0))
SQUARE = (((0.0, 0.0), (40.0, 0.0), (40.0, 40.0), (0.0, 40.0)), HOLE)


def samples(folder: Path) -> list[Sample]:
    folder.mkdir(parents=True)
    store = SessionStore(folder)
    rois = [Roi((SQUARE,), name=name, id=name, class_name="x") for name in ("a", "b", "c")]
    store.write(INFO, contents_of(rois, SlideSettings(0.25, 900.0, False)))
    store.write(INFO, {"region/b": None, "setting/mpp": 0.5})
    store.leave()
    made = [
        Sample(path.name, path.read_bytes())
        for path in sorted(folder.iterdir())
        if path.suffix in (".session", ".journal")
    ]
    whole = made[-1].data
    before = '{"slide": "a.svs", "calibration": {"mpp": 0.25, "field_px": 300.0}}'
    return [
        *made,
        Sample(f"{key_of(INFO)}.session", whole),
        Sample(f"{former_key(INFO)}.json", before.encode()),
    ]


def enter(path: Path) -> None:
    """Loading never fails: what can be read is there, and the rest is said."""
    place = path.parent / "kept"
    place.mkdir()
    try:
        shutil.copyfile(path, place / path.name)
        for _ in range(2):  # the first one may mend
            store = SessionStore(place)
            session = store.load(INFO)
            store.leave()
        store.write(INFO, contents_of(session.rois, session.settings))
        again = SessionStore(place)
        assert {roi.id for roi in again.load(INFO).rois} == {roi.id for roi in session.rois}
        again.leave()
    finally:
        shutil.rmtree(place)


DOOR = Door("sessions", samples, enter, text=True)
