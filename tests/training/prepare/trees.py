"""Small trees of files in the layouts in which the data sets are published."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import tifffile

from tests.slides import write_pyramid
from tests.training.pictures import write_png


def noise(seed: int, side: int = 24) -> np.ndarray:
    """(side, side, 3) uint8, pink and unlike any other seed's."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(90, 250, (7, 7, 3)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype("u1")


def field(seed: int, side: int = 300) -> np.ndarray:
    """Cells on stroma, (side, side, 3) uint8."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.normal(0, 18, (9, 9, 3)).astype(np.float32), (side, side))
    image = (clouds + np.array((215, 165, 195))).clip(0, 255).astype(np.uint8)
    for _ in range(120):
        x, y, size, angle = rng.integers(0, (side, side, 5, 180))
        color = tuple(int(c) for c in rng.integers((70, 20, 90), (150, 90, 170)))
        cv2.ellipse(image, (int(x), int(y)), (5 + int(size), 4), int(angle), 0, 360, color, -1)
    return image


def write_image(path: Path, seed: int, side: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, noise(seed, side))
    return path


def write_classes(root: Path, pattern: str, classes: Iterable[str], count: int = 5) -> Path:
    """``count`` images a class; pattern: "{c}/{c}_{i}.jpeg" with class name and number."""
    for number, name in enumerate(classes):
        for index in range(count):
            write_image(root / pattern.format(c=name, i=index), 1000 * number + index)
    return root


def write_sipakmed(root: Path, fields: int = 4, cells: int = 2) -> Path:
    names = ("Dyskeratotic", "Koilocytotic", "Metaplastic", "Parabasal", "Superficial-Intermediate")
    for number, name in enumerate(names):
        folder = root / f"im_{name}" / f"im_{name}"
        for field in range(1, fields + 1):
            write_image(folder / f"{field:03d}.bmp", 100 * number + field, 32)
            for cell in range(1, cells + 1):
                seed = 5000 + 1000 * number + 10 * field + cell
                write_image(folder / "CROPPED" / f"{field:03d}_{cell:02d}.bmp", seed, 16)
                (folder / "CROPPED" / f"{field:03d}_{cell:02d}_cyt.dat").write_text("1,2\n")
    return root


def write_mhist(root: Path, count: int = 12) -> Path:
    lines = ["Image Name,Majority Vote Label,Number of Annotators who Selected SSA (Out of 7),"
             "Partition"]  # fmt: skip
    for index in range(count):
        name = f"MHIST_{index:03d}.png"
        write_image(root / "images" / name, index)
        lines.append(f"{name},{('HP', 'SSA')[index % 2]},3,{'test' if index < 4 else 'train'}")
    (root / "annotations.csv").write_text("\n".join(lines) + "\n")
    return root


def write_prcc(root: Path, patients: int = 4, regions: int = 2) -> Path:
    lists: dict[str, list[str]] = {"trainset.txt": [], "validset.txt": [], "testset.txt": []}
    for kind in ("1", "2"):
        for patient in range(patients):
            slide = f"TCGA-2Z-A{kind}{patient}-01Z-00-DX1.AB-CD"
            for region in range(regions):
                name = f"{kind}/{slide}/{100 * region}_7_2000.png"
                write_image(root / "dataset" / name, int(kind) * 1000 + 10 * patient + region)
                side = list(lists)[(0, 0, 1, 2)[patient % 4]]
                lists[side].append(f"../dataset/{name} {int(kind) - 1}")
    for name, lines in lists.items():
        (root / "dataset" / name).write_text("\n".join(lines) + "\n")
    return root


def tissue_slide(path: Path, width: int, height: int, seed: int, mpp: float = 0.5) -> None:
    """A slide whose left three quarters are tissue and whose right quarter is glass."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    coarse = rng.uniform((150, 60, 130), (220, 150, 200), (height // 8, width // 8, 3))
    picture = cv2.resize(coarse.astype(np.float32), (width, height)).clip(0, 255).astype(np.uint8)
    picture[:, width * 3 // 4 :] = 244
    write_pyramid(path, width, height, levels=2, tile=64, mpp=mpp, picture=picture)


def asap(polygons: Iterable[tuple[str, tuple[float, float, float, float]]]) -> str:
    """ASAP XML of rectangles (group, (left, top, right, bottom)); corners in wrong file order."""
    parts = []
    for number, (group, (a, b, c, d)) in enumerate(polygons):
        corners = list(enumerate([(a, b), (c, b), (c, d), (a, d)]))
        places = "".join(
            f'<Coordinate Order="{order}" X="{x}" Y="{y}"/>' for order, (x, y) in corners[::-1]
        )
        parts.append(
            f'<Annotation Name="A{number}" Type="Polygon" PartOfGroup="{group}" Color="#F4FA58">'
            f"<Coordinates>{places}</Coordinates></Annotation>"
        )
    return f"<?xml version='1.0'?><ASAP_Annotations><Annotations>{''.join(parts)}</Annotations>" \
        "<AnnotationGroups/></ASAP_Annotations>"  # fmt: skip


def write_camelyon(root: Path, slides: int = 3, width: int = 512, height: int = 256) -> Path:
    """Tumour slides have a lesion in their left third."""
    for number in range(1, slides + 1):
        for kind, folder in (("normal", "training/normal"), ("tumor", "training/tumor")):
            seed = 10 * number + (kind == "tumor")
            tissue_slide(root / folder / f"{kind}_{number:03d}.tif", width, height, seed)
        truth = root / "training" / "lesion_annotations" / f"tumor_{number:03d}.xml"
        truth.parent.mkdir(parents=True, exist_ok=True)
        lesion = (0, 0, width // 4, height)
        truth.write_text(asap([("_0", lesion), ("_2", (0, 0, width // 4, height // 2))]))
    for number in (1, 2):
        tissue_slide(root / "testing/images" / f"test_{number:03d}.tif", width, height, 90 + number)
    truth = root / "testing" / "lesion_annotations" / "test_001.xml"
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth.write_text(asap([("_0", (0, 0, width, height))]))
    return root


def write_paip(root: Path, slides: int = 4, width: int = 512, height: int = 256) -> Path:
    """Left third viable tumour, the rest of the left half whole tumour, then liver, then glass."""
    for number in range(slides):
        folder = root / f"Training_phase_1_{number:03d}"
        stem = f"01_01_{80 + number:04d}"
        tissue_slide(folder / f"{stem}.svs", width, height, number)
        (folder / f"{stem}.xml").write_text("<Annotations/>")
        for ending, edge in (("viable", width // 4), ("whole", width // 2)):
            mask = np.zeros((height, width), np.uint8)
            mask[:, :edge] = 1
            tifffile.imwrite(folder / f"{stem}_{ending}.tif", mask, compression="zlib")
    return root


def write_glass(path: Path, width: int, height: int) -> None:
    """A slide without tissue."""
    picture = np.full((height, width, 3), 244, np.uint8)
    write_pyramid(path, width, height, levels=2, tile=64, picture=picture)
