"""One sentence for each thing that is wrong; the rest goes on and the summary names the gap."""

import csv
import errno

import pytest

from ssmamba.headless.scan import kept, worker
from ssmamba.slides.slide import Slide
from tests.slides import SHARED_SLIDES, grainy, write_pyramid


def errors_of(said):
    return [line for line in said.splitlines() if line.startswith("error: ")]


def test_slides_without_tissue_or_scale_are_named_and_the_others_are_read(scan):
    status, said, out = scan("glass.tif", "no-mpp.tif", "slides/one.tif", "nosuch.svs")
    assert status == 2
    glass, scale, missing = errors_of(said)
    assert "glass.tif has no window with enough tissue (100.0% glass" in glass
    assert "no-mpp.tif has no µm/px" in scale and "--mpp" in scale
    assert "There is no file nosuch.svs" in missing
    with (out / "summary.csv").open(newline="") as file:
        rows = {row["folder"]: row for row in csv.DictReader(file)}
    assert [rows[n]["status"] for n in ("glass", "no-mpp", "one", "nosuch")] == [
        *["missing"] * 2, "done", "missing"
    ]  # fmt: skip
    assert rows["no-mpp"]["reason"] in scale
    assert not list(out.glob("glass/*.csv"))
    status, said, _ = scan("no-mpp.tif", "--mpp", "0.5", out="given")
    assert status == 0, said


def test_preflight_tells_scale_levels_and_rounding_and_writes_nothing(folder, scan):
    write_pyramid(folder / "odd.tif", mpp=0.499, picture=grainy(400, 300))
    status, said, out = scan("slides/one.tif", "odd.tif", "glass.tif", "--preflight")
    assert status == 2 and not out.exists()
    assert "one.tif: 0.5 µm/px, levels 500×400, 250×200, 125×100;" in said
    assert "tiles of 64 px (exact), read from level 1" in said
    assert "tiles of 64 px (-0.13 px, -0.20% by rounding)" in said
    assert "3 in, 2 to read, 1 without." in said
    assert len(errors_of(said)) == 1


def test_a_model_without_scale_needs_the_side_of_a_window(folder, scan):
    from tests.ssmamba.checkpoints.made import save_classifier

    save_classifier(folder / "unscaled.safetensors")
    status, said, _ = scan("slides/one.tif", model="unscaled.safetensors")
    assert status == 2
    assert "the model has no µm/px" in said and "--field-px (64 is likely)" in said
    given = ("slides/one.tif", "--field-px", "100", "--format", "csv")
    assert scan(*given, model="unscaled.safetensors", out="b")[0] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path\na.svs\n", "has no column 'slide'"),
        ("slide,mpp\na.svs,fine\n", "line 2: mpp is 'fine'"),
        ("slide\n\n", "names no slide"),
        ('slide\n"a', "cannot be read as a CSV"),
    ],
)
def test_tables_that_are_wrong(folder, scan, text, told):
    (folder / "wrong.csv").write_text(text)
    status, said, out = scan("wrong.csv")
    assert status == 2 and len(errors_of(said)) == 1
    assert told in said and not out.exists()


def test_flags_that_are_wrong(folder, scan):
    for flags, told in [
        (("--format", "geojsn"), "did you mean 'geojson'"),
        (("--overlap", "1"), "from 0 to below 1"),
        (("--mpp", "0"), "must be a positive number"),
    ]:
        status, said, out = scan("slides", *flags)
        assert status == 2 and told in said and not out.exists()
    (folder / "empty").mkdir(exist_ok=True)
    status, said, _ = scan("empty")
    assert status == 2 and "There is no slide in" in said


def test_a_slide_that_disappears_half_way_costs_itself_alone(scan, monkeypatch):
    read = Slide._read_window
    left = [20]

    def failing(self, x, y, side, out_px):
        if self.path.name == "one.tif":
            left[0] -= 1
            if left[0] < 0:
                from ssmamba.errors import SlideError

                raise SlideError(f"A part of {self.path.name} cannot be read; copy it again.")
        return read(self, x, y, side, out_px)

    monkeypatch.setattr(Slide, "_read_window", failing)
    status, said, out = scan("slides")
    assert status == 2 and len(errors_of(said)) == 1
    assert "A part of one.tif cannot be read" in said and "2 of 3 slides" in said
    assert not (out / "one" / "summary.json").exists()
    monkeypatch.undo()
    status, said, _ = scan("slides")
    assert status == 0 and "goes on after" in said
    assert not (out / "one" / "failed.json").exists()


@pytest.mark.parametrize("where", ["frames", "results"])
def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(scan, monkeypatch, where):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "frames":
        monkeypatch.setattr(kept.KeptAnswers, "add", full)
    else:
        monkeypatch.setattr(worker, "write_csv", full)
    status, said, out = scan("slides/one.tif")
    assert status == 2 and len(errors_of(said)) == 1
    assert "No space left on device" in said and "free some space" in said
    assert not (out / "one" / "summary.json").exists()
    assert not list(out.rglob("*.partial"))
    monkeypatch.undo()
    assert scan("slides/one.tif")[0] == 0


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED_SLIDES.is_dir(), reason="needs ../shared/data")
def test_fluorescence_is_refused(scan):
    status, said, _ = scan(str(SHARED_SLIDES / "dapi-387.ndpi"), "--preflight")
    assert status == 2 and "as fluorescence is" in said
