"""The paper's tables as cells: which flags make which row (SSMamba §4.3 and §5).

A cell is one way to make a classifier. Its pre-training is named, so that cells share it. Rows
carry the paper's accuracy and F1 in percent for the data sets that we know.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Flags = tuple[str, ...]
Paper = dict[str, tuple[float, float]]  # name of the data set -> accuracy, F1 in percent

FULL = "ssmamba"  # the cell that everything is compared with

# name -> flags of training.pretrain
PRETRAININGS: dict[str, Flags] = {
    "mamim": (),
    "mamim-embedding-linear": ("--embedding", "linear"),
    "mamim-embedding-patch-merge": ("--embedding", "patch_merge"),
    "mamim-embedding-lpu": ("--embedding", "lpu"),
    "mamim-mixer-mamba": ("--mixer", "mamba"),
    "mamim-mixer-ss2d": ("--mixer", "ss2d"),
    "mamim-act-gelu": ("--act", "gelu"),
    "mae": ("--method", "mae"),
    "contrastive": ("--method", "contrastive"),
    "vit-mae": ("--method", "mae", "--arch", "vit"),
}


@dataclass(frozen=True)
class Cell:
    """One way to make a classifier."""

    label: str  # in figures
    pretraining: str | None = None  # of PRETRAININGS; None = from scratch
    flags: Flags = ()  # of training.finetune
    title: str = ""  # in a list of models; "" = the label

    @property
    def in_lists(self) -> str:
        """Its name in a list of models."""
        title = self.title or self.label
        return title[:1].upper() + title[1:]

    def name(self, dataset: str, seed: int) -> str:
        """Of the checkpoint, as a person reads it in a list."""
        name = f"{dataset}, {self.title or self.label}"
        return f"{name}, seed {seed}" if seed else name


CELLS: dict[str, Cell] = {
    FULL: Cell("SSMamba", "mamim"),
    "embedding-linear": Cell("Linear", "mamim-embedding-linear", title="linear embedding"),
    "embedding-patch-merge": Cell(
        "Patch Merge", "mamim-embedding-patch-merge", title="patch merging"
    ),
    "embedding-lpu": Cell("LPU", "mamim-embedding-lpu", title="LPU in place of LPR"),
    "mixer-mamba": Cell("o/DMS (Mamba)", "mamim-mixer-mamba", title="original Mamba mixer"),
    "mixer-ss2d": Cell("o/DMS (SS2D)", "mamim-mixer-ss2d", title="SS2D mixer"),
    "act-gelu": Cell("GELU", "mamim-act-gelu", title="GELU in place of SiLU"),
    "pretraining-none": Cell("No pre-training", title="no pre-training"),
    "pretraining-contrastive": Cell("Contrastive", "contrastive", title="contrastive pre-training"),
    "pretraining-mae": Cell("MAE", "mae", title="MAE pre-training"),
    "vit": Cell("ViT", flags=("--arch", "vit")),
    "vit-mae": Cell("MAE (ViT)", "vit-mae", ("--arch", "vit")),
    "swin": Cell("Swin", flags=("--arch", "swin")),
    "resnet": Cell("ResNet", flags=("--arch", "resnet")),
    "vmamba": Cell("VMamba", flags=("--arch", "vmamba")),
    "vmamba-dms": Cell("VMamba w/DMS", flags=("--arch", "vmamba", "--mixer", "dms")),
}


@dataclass(frozen=True)
class Row:
    label: str
    cell: str  # of CELLS
    paper: Paper = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One table of the paper."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


def _paper(lac: tuple[float, float], pbc: tuple[float, float]) -> Paper:
    return {"LC25000": lac, "PBC": pbc}


_OURS = _paper((99.84, 98.47), (99.17, 99.54))
_VMAMBA = _paper((92.13, 90.40), (85.33, 87.19))

TABLES: dict[str, Table] = {
    "4": Table(
        "Comparison with other models",
        (
            Row("ViT", "vit", _paper((92.11, 89.92), (96.84, 95.14))),
            Row("Swin", "swin", _paper((93.61, 92.03), (96.93, 97.59))),
            Row("ResNet", "resnet"),
            Row("MAE (ViT)", "vit-mae", _paper((98.49, 95.88), (97.33, 98.47))),
            Row("VMamba", "vmamba", _VMAMBA),
            Row("SSMamba", FULL, _OURS),
            Row("SSMamba, no pre-training", "pretraining-none"),
        ),
        "The paper's foundation models need weights that are not to be had freely (--encoders adds "
        "yours). SSMamba without pre-training is our row: from scratch, as the others are.",
    ),
    "5": Table(
        "Embedding methods",
        (
            Row("Linear", "embedding-linear", _paper((99.15, 97.16), (98.22, 98.17))),
            Row("Patch Merge", "embedding-patch-merge", _paper((99.68, 98.02), (98.98, 99.11))),
            Row("LPU", "embedding-lpu", _paper((99.41, 97.20), (98.70, 99.04))),
            Row("LPR", FULL, _OURS),
        ),
        "Each embedding has its own MAMIM pre-training.",
    ),
    "6": Table(
        "The DMS module",
        (
            Row("VMamba o/DMS", "vmamba", _VMAMBA),
            Row("VMamba w/DMS", "vmamba-dms", _paper((94.55, 92.25), (87.76, 89.47))),
            Row("SSMamba o/DMS (Mamba)", "mixer-mamba", _paper((97.77, 95.85), (97.80, 97.75))),
            Row("SSMamba o/DMS (SS2D)", "mixer-ss2d"),
            Row("SSMamba w/DMS, GELU", "act-gelu"),
            Row("SSMamba w/DMS", FULL, _OURS),
        ),
        "VMamba is trained from scratch, as in Table 4; SSMamba with either mixer is pre-trained. "
        "So VMamba rows compare with each other, and SSMamba rows with each other. SS2D scans in "
        "four directions at full width, so inside SSMamba it has 10 to 22 % more parameters.",
    ),
    "7": Table(
        "Pre-training",
        (
            Row("None", "pretraining-none", _paper((96.95, 95.13), (95.08, 95.33))),
            Row("CL", "pretraining-contrastive", _paper((97.79, 97.73), (97.98, 97.70))),
            Row("MAE", "pretraining-mae", _paper((97.57, 97.79), (97.81, 98.07))),
            Row("MAMIM", FULL, _OURS),
        ),
        "Fine-tuning is the same for all rows; the first one has no pre-training beside it.",
    ),
}

# Columns of the paper's CAM figures, in its order (§4.4.1 and §5).
FIGURE_2 = ("vit", "swin", "resnet", "vit-mae", "vmamba", FULL)
FIGURE_4 = (
    "embedding-linear",
    "embedding-patch-merge",
    "embedding-lpu",
    FULL,
    "mixer-mamba",
    "pretraining-none",
    "pretraining-contrastive",
)


def cells_of(tables: tuple[str, ...]) -> list[str]:
    """Cells that these tables need, each once, the full model first."""
    found = [row.cell for number in tables for row in TABLES[number].rows]
    return sorted(dict.fromkeys(found), key=lambda cell: cell != FULL)
