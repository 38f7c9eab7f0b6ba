"""A montage of images that the bundled model never saw, at two scales: the classes come back."""

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmamba.checkpoints.card import read_card
from ssmamba.scan import main
from tests.slides import SHARED_SLIDES, write_pyramid

MODEL = Path(__file__).resolve().parents[3] / "resources" / "models" / "lac.safetensors"
LAC = SHARED_SLIDES.parent / "lc25000"
SIDE, ACROSS, DOWN = 224, 12, 10


def unseen():
    """(class key, picture) of the test split: neither trained nor validated on."""
    known = set(read_card(MODEL).training_hashes)
    with (LAC / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        data = (LAC / row["path"]).read_bytes()
        if hashlib.sha256(data).hexdigest()[:16] not in known:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            found.append((row["label"], image[..., ::-1]))
    return found


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.skipif(not LAC.is_dir(), reason="needs ../shared/data")
def test_the_classes_of_a_montage_come_back_at_two_scales(tmp_path):
    images = unseen()
    order = np.random.default_rng(0).permutation(len(images))[: ACROSS * DOWN]
    laid = {divmod(at, ACROSS): images[number] for at, number in enumerate(order)}
    for scale in (1, 2):
        side = SIDE * scale
        picture = np.full((DOWN * side, ACROSS * side, 3), 243, np.uint8)
        for (row, column), (_, image) in laid.items():
            large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
            picture[row * side : (row + 1) * side, column * side : (column + 1) * side] = large
        name = f"montage-{scale}"
        write_pyramid(tmp_path / f"{name}.tif", mpp=0.5 / scale, picture=picture)
        given = [str(tmp_path / f"{name}.tif"), "--model", str(MODEL), "--field-px", str(side)]
        assert main([*given, "--out", str(tmp_path / name), "--device", "cpu"]) == 0
        right, sure, sure_right, read = 0, 0, 0, 0
        with (tmp_path / name / name / "tiles.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                truth = laid[int(row["miny"]) // side, int(row["minx"]) // side][0]
                if not row[f"prob_{truth}"]:
                    continue
                values = {k: float(v) for k, v in row.items() if k.startswith("prob_")}
                read += 1
                right += max(values, key=values.__getitem__) == f"prob_{truth}"
                sure += row["predicted"] != ""
                sure_right += row["predicted"] == truth
        print(f"{name}: {right}/{read} right, of {sure} sure {sure_right}")
        assert read >= 0.95 * ACROSS * DOWN
        assert right >= 0.93 * read
        assert sure_right >= 0.95 * sure and sure > 0.5 * read
