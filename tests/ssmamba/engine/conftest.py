"""A folder with a slide and checkpoints, and an engine that runs."""

import pytest

from ssmamba.checkpoints.card import Calibration
from ssmamba.engine.jobs import Jobs
from ssmamba.engine.messages import SlideRef
from ssmamba.runtime.device import choose_device
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier, save_mamim
from tests.ssmamba.engine.asking import Engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    picture = grainy(1200, 900)  # smooth ones are out of focus
    write_pyramid(folder / "slide.tif", mpp=0.5, picture=picture)
    save_classifier(folder / "a.safetensors")
    save_classifier(
        folder / "b.safetensors", seed=1, calibration=Calibration(entropy_limit=0.01), cam_stage=2
    )
    save_mamim(folder / "mamim.safetensors")
    return folder


@pytest.fixture(scope="module")
def jobs():
    """The work of an engine without its process; its steps are taken by hand."""
    made = Jobs(choose_device("cpu"))
    yield made
    made.keep_slides(())


@pytest.fixture(scope="module")
def engine(folder):
    made = Engine()
    yield made
    made.client.close()
    assert made.deaths.empty()


@pytest.fixture
def slide(folder):
    return SlideRef(str(folder / "slide.tif"))
