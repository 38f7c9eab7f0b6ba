"""Scans on the disk: what was read comes back, and what was torn is read again."""

from dataclasses import replace

import numpy as np
import pytest

from ssmamba.reading.values import PackedArray
from tests.viewer.fakes import square
from tests.viewer.state.test_slide_scan import made
from viewer.saving.scan_file import ScanStore, ScanWriter, Windows, read_scan
from viewer.state.tissue_correction import Correction


def windows(*cells, first=0.8, stride=1):
    count = len(cells)
    values = np.tile(np.array([first, 1 - first, 0], np.float16), (count, 1))
    return Windows(
        PackedArray.of(np.array(cells, np.int32)),
        PackedArray.of(np.full(count, stride, np.uint8)),
        PackedArray.of(values),
        PackedArray.of(np.zeros(count, np.uint8)),
    )


@pytest.fixture
def kept(tmp_path):
    """A file with three windows, and its writer."""
    head = made().head
    path = ScanStore(tmp_path).path("slide", head.model_sha256)
    writer = ScanWriter(path)
    assert writer.begin(head, fresh=True)
    writer.add([windows((0, 0), stride=8), windows((1, 1))], "reading")
    writer.add([windows((2, 2), first=0.1)], "reading")
    yield writer, path, head
    writer.end()


def test_what_was_written_comes_back(kept, tmp_path):
    _, path, head = kept
    found = read_scan(path)
    assert found.map.head == head and found.state == "reading"
    assert found.map.known().tolist() == [[0, 0], [1, 1], [2, 2]]
    assert found.map.answer_at(25, 25).values[1][1] == pytest.approx(0.9, abs=1e-3)
    assert ScanStore(tmp_path).newest("slide").map.done == 3
    assert ScanStore(tmp_path).newest("another") is None


def test_a_torn_line_costs_itself_and_is_written_over(kept):
    writer, path, head = kept
    writer.end()
    with path.open("ab") as file:
        file.write(b"0123abcd windows {")
    assert read_scan(path).map.done == 3
    again = ScanWriter(path)
    assert again.begin(head, fresh=False)
    again.add([windows((3, 3))], "paused")
    again.end()
    found = read_scan(path)
    assert found.map.done == 4 and found.state == "paused"
    assert b"0123abcd" not in path.read_bytes()


def test_corrected_tissue_comes_back_and_what_it_left_out_is_remembered(kept):
    writer, path, head = kept
    wanted = np.ones((9, 12), bool)
    wanted[1] = False
    bits = PackedArray.of(np.packbits(wanted))
    correction = Correction().leaving_out([square(0, 10, 120)])
    other = replace(head, windows=96, wanted=bits, correction=correction)
    writer.add([], "reading", other)
    writer.add([windows((3, 3))], "done")
    found = read_scan(path)
    assert found.map.head == other and found.map.head.correction.is_any
    assert found.map.done == 3 and len(found.map.known()) == 4
    writer.add([], "done", head)
    assert read_scan(path).map.done == 4


def test_a_damaged_line_costs_its_own_windows(kept):
    _, path, _ = kept
    lines = path.read_bytes().split(b"\n")
    at = next(n for n, line in enumerate(lines) if b" windows " in line)
    lines[at] = lines[at].replace(b"cells", b"cellz")
    path.write_bytes(b"\n".join(lines))
    assert read_scan(path).map.known().tolist() == [[2, 2]]


def test_what_is_no_scan_is_left_alone(tmp_path):
    path = ScanStore(tmp_path).path("slide", "b" * 64)
    for data in (b"", b"no records", b"\x00\xff" * 50):
        path.write_bytes(data)
        assert read_scan(path) is None and ScanStore(tmp_path).newest("slide") is None
        assert path.read_bytes() == data
    assert read_scan(tmp_path / "none.scan") is None


def test_a_scan_that_was_put_away_does_not_come_back_by_itself(kept, tmp_path):
    writer, path, _ = kept
    writer.add([], "closed")
    assert ScanStore(tmp_path).newest("slide") is None
    assert read_scan(path).map.done == 3


def test_another_window_keeps_its_hands_off(kept):
    writer, path, head = kept
    other = ScanWriter(path)
    assert not other.begin(head, fresh=True)
    other.add([windows((5, 5))], "reading")
    assert read_scan(path).map.done == 3
    writer.end()
    assert other.begin(head, fresh=False)
    other.end()


def test_a_new_scan_takes_the_place_of_the_old(kept):
    writer, path, head = kept
    assert writer.begin(head, fresh=True)
    assert read_scan(path).map.done == 0
    writer.add([windows((4, 4))], "done")
    assert read_scan(path).map.known().tolist() == [[4, 4]]
