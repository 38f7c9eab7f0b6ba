"""Published layouts of the data sets that come as images in folders.

LC25000: lung_colon_image_set/{colon,lung}_image_sets/CLASS/*.jpeg (the authors' archive).
NCT: NCT-CRC-HE-100K/CLASS/*.tif and CRC-VAL-HE-7K/CLASS/*.tif (Zenodo 1214456).
PBC: PBC_dataset_normal_DIB/CLASS/*.jpg (Mendeley Data snkd93bnjr).
SIPaKMeD: im_CLASS/im_CLASS/NNN.bmp, and single cells im_CLASS/im_CLASS/CROPPED/NNN_MM.bmp.
MHIST: annotations.csv ("Image Name", "Majority Vote Label", …, "Partition") beside images/.
pRCC: {1,2}/SLIDE/X_Y_2000.png with trainset.txt, validset.txt and testset.txt, as in the authors'
repository (ZeyuGaoAi/Instance_based_Vision_Transformer).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from training.data.catalog import is_image
from training.data.tables import read_table
from training.prepare.gather import Found, Gathered, by_class, class_folders, find_folder, gather

LC25000 = ("colon_aca", "colon_n", "lung_aca", "lung_n", "lung_scc")
NCT = ("ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM")
NCT_FOLDERS = ("NCT-CRC-HE-100K", "NCT-CRC-HE-100K-NONORM")
NCT_TEST = "CRC-VAL-HE-7K"
PBC = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "ig",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)
SIPAKMED = {
    "im_Dyskeratotic": "dyskeratotic",
    "im_Koilocytotic": "koilocytotic",
    "im_Metaplastic": "metaplastic",
    "im_Parabasal": "parabasal",
    "im_Superficial-Intermediate": "superficial_intermediate",
}
SIPAKMED_CELLS = "CROPPED"
MHIST_TABLE = "annotations.csv"
MHIST_COLUMNS = ("Image Name", "Majority Vote Label", "Partition")
PRCC = {"1": "prcc_type_1", "2": "prcc_type_2"}
PRCC_LISTS = {"trainset.txt": "train", "validset.txt": "val", "testset.txt": "test"}


def ungrouped(source: Path, published_split: bool, keys: Sequence[str], note: str = "") -> Gathered:
    """A folder for each class key; groups are not published with the images."""
    folders, problems = class_folders(source, {key: key for key in keys})
    return gather(by_class(folders), problems, [note] if note else [])


def nct(source: Path, published_split: bool) -> Gathered:
    """With the published split CRC-VAL-HE-7K (50 other patients) is the test split; otherwise it is
    left out and the 100,000 are split as in the paper."""
    mains = [f for f in (find_folder(source, name) for name in NCT_FOLDERS) if f]
    if len(mains) > 1:
        return gather([], [f"both {' and '.join(NCT_FOLDERS)} exist; keep one of them"])
    if not mains:
        return gather([], [f"no folder {NCT_FOLDERS[0]} in {source}"])
    keys = {key: key for key in NCT}
    folders, problems = class_folders(mains[0], keys)
    images = by_class(folders)
    notes = [
        "No patient numbers are published for the 100,000 images of 86 patients, so tiles of one "
        "patient fall into several splits of 7:1:2; --split published tests on other patients."
    ]
    beside = source.parent / NCT_TEST
    test = find_folder(source, NCT_TEST) or (beside if beside.is_dir() else None)
    if published_split and test is None:
        problems.append(f"no folder {NCT_TEST} in {source}; it is the published test set")
    elif published_split and test is not None:
        others, more = class_folders(test, keys)
        problems += more
        images += [
            Found(i.file, i.label, f"{NCT_TEST}/{i.name}", split="test") for i in by_class(others)
        ]
    elif test is not None:
        notes.append(f"{NCT_TEST} is left out of a 7:1:2 split (--split published uses it).")
    return gather(images, problems, notes)


def sipakmed(source: Path, published_split: bool, cells: bool) -> Gathered:
    """Whole fields, or the single cells cut from them; the group is the field, the only origin that
    is published."""
    folders, problems = class_folders(source, SIPAKMED)
    images = []
    for found in by_class(folders):
        if (SIPAKMED_CELLS in found.file.parent.name.upper()) != cells:
            continue
        field = found.file.stem.rsplit("_", 1)[0] if cells else found.file.stem
        name = f"{found.label}/{found.file.name}"
        images.append(Found(found.file, found.label, name, f"{found.label}_{field}"))
    what = f"cells in {SIPAKMED_CELLS}" if cells else "whole fields"
    there = {image.label for image in images}
    problems += [f"class {key}: no {what} in {f}" for key, f in folders.items() if key not in there]
    return gather(images, problems, ["No slide or patient numbers are published."])


def mhist(source: Path, published_split: bool) -> Gathered:
    tables = [source / MHIST_TABLE, *sorted(source.glob(f"*/{MHIST_TABLE}"))]
    table = next((t for t in tables if t.is_file()), None)
    if table is None:
        return gather([], [f"no {MHIST_TABLE} in {source}"])
    images, problems = [], []
    for line, row in enumerate(read_table(table, MHIST_COLUMNS), start=2):
        name, label, part = (row[column] for column in MHIST_COLUMNS)
        file = table.parent / "images" / name
        if not file.is_file():
            problems.append(f"{MHIST_TABLE} line {line}: there is no file images/{name}")
        elif label not in ("HP", "SSA") or part not in ("train", "test"):
            problems.append(f"{MHIST_TABLE} line {line}: unknown label {label} or partition {part}")
        else:
            split = "test" if published_split and part == "test" else ""
            images.append(Found(file, label, f"{label}/{name}", split=split))
    listed = {image.file for image in images}
    extra = [p for p in (table.parent / "images").glob("*") if is_image(p) and p not in listed]
    notes = ["No patient or slide numbers are published."]
    notes += [f"{len(extra)} images in images/ are not listed and were left out."] if extra else []
    return gather(images, problems, notes)


def prcc(source: Path, published_split: bool) -> Gathered:
    """Groups are TCGA patients; regions of one slide share tissue and stain.

    The published lists test on one slide of TCGA-J7-8537 and validate on another, so there the
    slide is the group.
    """
    folders, problems = class_folders(source, PRCC)
    images = by_class(folders)
    splits: dict[str, str] = {}
    if published_split:
        splits, more = _prcc_lists(source, images)
        problems += more
        images = [image for image in images if image.name in splits]
    grouped = [
        Found(i.file, i.label, i.name, _tcga_patient(i.file.parent.name), splits.get(i.name, ""))
        for i in images
    ]
    images, notes = _by_slide_where_cut(grouped)
    return gather(images, problems, notes)


def _by_slide_where_cut(images: list[Found]) -> tuple[list[Found], list[str]]:
    """Patients in several splits are grouped by slide; also a note that names them."""
    sides: dict[str, set[str]] = {}
    for image in images:
        sides.setdefault(image.group, set()).add(image.split)
    cut = {patient for patient, found in sides.items() if len(found) > 1}
    if not cut:
        return images, []
    note = (
        "The published lists put slides of one patient into several splits "
        f"({', '.join(sorted(cut))}); there the slide is the group."
    )
    by_slide = [replace(i, group=i.file.parent.name) if i.group in cut else i for i in images]
    return by_slide, [note]


def _prcc_lists(source: Path, images: list[Found]) -> tuple[dict[str, str], list[str]]:
    """{name: split} from lines such as ``../dataset/2/SLIDE/X_Y_2000.png 1``."""
    known = {image.name for image in images}
    splits: dict[str, str] = {}
    problems = []
    for file, split in PRCC_LISTS.items():
        path = next((p for p in sorted(source.rglob(file))), None)
        if path is None:
            problems.append(f"no {file} below {source}; it is needed for the published split")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            parts = line.split()[0].split("/")[-3:] if line.strip() else []
            name = "/".join([PRCC.get(parts[0], parts[0]), *parts[1:]]) if parts else ""
            if name in known:
                splits[name] = split
            elif name:
                problems.append(f"{file} line {number}: there is no image {name}")
    return splits, problems


def _tcga_patient(slide: str) -> str:
    """TCGA-XX-YYYY of a TCGA slide's name, else the whole name."""
    return "-".join(slide.split("-")[:3]) if slide.startswith("TCGA-") else slide
