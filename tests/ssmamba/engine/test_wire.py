"""Messages as bytes."""

import io
import pickle

import numpy as np
import pytest

from ssmamba.engine.messages import Classify, SlideRef
from ssmamba.engine.wire import WireError, encode, read_message, write_message
from ssmamba.reading.values import CamMap, PackedArray, Window
from ssmamba.rois.roi import Roi


def test_messages_come_back_equal_and_in_order():
    values = np.arange(4, dtype=np.float32).tobytes()
    sent = [
        Classify(3, SlideRef("größe.svs", mpp=0.25), Roi(((((0, 0), (1, 0), (1, 1)),),)), ("m",)),
        CamMap(Window(1.5, 2.5, 3.0), (2, 2), values),
        PackedArray.of(np.array([[0.1, 2.0, 3.0], [1e5, 8e4, 448.0]])),
    ]
    stream = io.BytesIO()
    for message in sent:
        write_message(stream, message)
    stream.seek(0)
    assert [read_message(stream) for _ in sent] == sent
    with pytest.raises(EOFError):
        read_message(stream)


def test_forty_thousand_windows_travel_as_their_bytes():
    windows = np.arange(120_000, dtype=np.float64).reshape(-1, 3)
    packed = PackedArray.of(windows)
    frame = encode(packed)
    assert len(frame) < windows.nbytes + 500
    found = read_message(io.BytesIO(frame))
    np.testing.assert_array_equal(found.array, windows)
    assert found == packed and hash(found) == hash(packed) and len(found) == 40_000
    assert found != PackedArray.of(windows.reshape(3, -1))
    assert len(repr(packed)) < 100
    with pytest.raises(ValueError, match="read-only"):
        found.array[0] = 0


def test_a_frame_cut_short_is_the_end_not_a_message():
    whole = encode(SlideRef("a"))
    with pytest.raises(EOFError):
        read_message(io.BytesIO(whole[:-1]))


class Harmful:
    def __reduce__(self):
        return print, ("run by the unpickler",)


@pytest.mark.parametrize(
    "body", [pickle.dumps(Harmful()), b"not a pickle", pickle.dumps(np.zeros(2))]
)
def test_nothing_but_our_own_messages_is_rebuilt(body, capsys):
    frame = len(body).to_bytes(8, "little") + body
    with pytest.raises(WireError):
        read_message(io.BytesIO(frame))
    assert capsys.readouterr().out == ""


def test_an_absurd_length_is_refused_before_anything_is_read():
    with pytest.raises(WireError, match="bytes"):
        read_message(io.BytesIO((1 << 60).to_bytes(8, "little")))
