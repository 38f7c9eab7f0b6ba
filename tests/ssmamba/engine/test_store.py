"""What the engine keeps loaded."""

import gc
import weakref

import pytest
from PIL import Image

from ssmamba.engine.store import OPEN_SLIDES, ModelStore, SlideStore
from ssmamba.errors import CheckpointError, SlideError, SlideReplaced
from ssmamba.runtime.device import choose_device
from ssmamba.slides.file_state import file_state
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier

CPU = choose_device("cpu")


def predictor(store, path):
    return store.predictor_of(store.checkpoint(path))


def opened(store, path):
    with store.held(path) as slide:
        return slide


@pytest.fixture
def paths(tmp_path):
    return [str(save_classifier(tmp_path / f"{i}.safetensors", seed=i)) for i in range(3)]


def test_a_model_is_loaded_once_and_again_when_its_file_changed(paths, tmp_path):
    store = ModelStore(CPU)
    first = store.checkpoint(paths[0])
    assert store.checkpoint(paths[0]) is first
    assert predictor(store, paths[0]) is predictor(store, paths[0])
    save_classifier(tmp_path / "0.safetensors", seed=9, name="a newer run")
    assert store.checkpoint(paths[0]).sha256 != first.sha256


def test_the_least_recently_used_model_goes_when_memory_is_short(paths):
    store = ModelStore(CPU)
    first = predictor(store, paths[0])
    store.budget_bytes = int(store.used_bytes * 2.5)  # room for two
    second = predictor(store, paths[1])
    assert predictor(store, paths[0]) is first  # used again, so the second is now the oldest
    predictor(store, paths[2])
    assert predictor(store, paths[0]) is first
    assert predictor(store, paths[1]) is not second
    assert store.used_bytes <= store.budget_bytes


def test_a_model_larger_than_the_budget_still_works(paths):
    assert predictor(ModelStore(CPU, budget_bytes=1), paths[0]).card.name == "Tiny"


def test_missing_files_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no\.safetensors"):
        ModelStore(CPU).checkpoint(str(tmp_path / "no.safetensors"))
    with pytest.raises(SlideError, match=r"no\.svs"):
        opened(SlideStore(), str(tmp_path / "no.svs"))


def test_plain_images_are_let_go_when_they_take_much_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("ssmamba.engine.store.SLIDE_BYTES", 100 * 100 * 4 * 2)
    store, gone = SlideStore(), []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (100, 100)).save(path)
        gone.append(weakref.ref(opened(store, str(path))))
    gc.collect()
    assert [slide() is None for slide in gone] == [True, True, False, False]


def test_a_slide_that_is_not_asked_for_any_more_is_closed(tmp_path):
    store, paths = SlideStore(), [str(tmp_path / f"{number}.tif") for number in range(2)]
    slides = []
    for path in paths:
        write_pyramid(path, 64, 64, levels=1)
        slides.append(opened(store, path))
    store.keep_only([paths[1]])
    with pytest.raises(SlideError, match="closed"):
        slides[0].read_region(0, 0, 0, 8, 8)
    assert opened(store, paths[1]) is slides[1]
    write_pyramid(paths[1], 80, 80, levels=1, seed=1)
    assert opened(store, paths[1]).dimensions == (80, 80)
    with pytest.raises(SlideError, match="closed"):
        slides[1].associated_images()


def test_a_slide_is_read_only_as_it_is_shown(tmp_path):
    path = str(tmp_path / "slide.tif")
    write_pyramid(path, 64, 64, levels=1)
    store, shown = SlideStore(), file_state(path)
    with store.held(path, shown) as slide:
        assert slide.info.file == shown
    write_pyramid(path, 64, 64, levels=1, seed=1)
    with (
        pytest.raises(SlideReplaced, match="was changed or replaced on the disk"),
        store.held(path, shown),
    ):
        pass
    with store.held(path, file_state(path)) as slide:
        slide.read_region(0, 0, 0, 8, 8)


def test_only_a_few_slides_stay_open(tmp_path):
    store = SlideStore()
    slides = []
    for number in range(OPEN_SLIDES + 1):
        write_pyramid(tmp_path / f"{number}.tif", 64, 64, levels=1)
        slides.append(opened(store, str(tmp_path / f"{number}.tif")))
    with pytest.raises(SlideError):
        slides[0].read_region(0, 0, 0, 8, 8)
    assert slides[-1].read_region(0, 0, 0, 8, 8).shape == (8, 8, 3)
    assert opened(store, str(tmp_path / f"{OPEN_SLIDES}.tif")) is slides[-1]
