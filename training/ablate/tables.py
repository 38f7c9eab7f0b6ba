"""The paper's tables as cells with their flags (SSMamba §4.3 and §5).

A cell is one way to make a classifier. It names its pre-training, so that cells can share one. Rows
have the paper's own figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from training.ablate.paper import PAPER, Paper

Flags = tuple[str, ...]

FULL = "ssmamba"  # the cell with which all others are compared

# name -> flags of training.pretrain
PRETRAININGS: dict[str, Flags] = {
    "mamim": (),
    "mamim-embedding-linear": ("--embedding", "linear"),
    "mamim-embedding-patch-merge": ("--embedding", "patch_merge"),
    "mamim-embedding-lpu": ("--embedding", "lpu"),
    "mamim-mixer-mamba": ("--mixer", "mamba"),
    "mamim-mixer-mamba-gelu": ("--mixer", "mamba", "--act", "gelu"),
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
        """Name in a list of models."""
        title = self.title or self.label
        return title[:1].upper() + title[1:]

    def name(self, dataset: str, seed: int) -> str:
        """Readable name of the checkpoint."""
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
    "mixer-mamba-gelu": Cell(
        "o/DMS (Mamba, GELU)", "mamim-mixer-mamba-gelu", title="original Mamba mixer with GELU"
    ),
    "mixer-ss2d": Cell("o/DMS (SS2D)", "mamim-mixer-ss2d", title="SS2D mixer"),
    "act-gelu": Cell("GELU", "mamim-act-gelu", title="GELU in place of SiLU"),
    "pretraining-none": Cell("No pre-training", title="no pre-training"),
    "pretraining-contrastive": Cell("Contrastive", "contrastive", title="contrastive pre-training"),
    "pretraining-mae": Cell("MAE", "mae", title="MAE pre-training"),
    "vit": Cell("ViT", flags=("--arch", "vit")),
    "vit-mae": Cell("MAE (ViT)", "vit-mae", ("--arch", "vit")),
    "swin": Cell("Swin", flags=("--arch", "swin")),
    "vit-stem": Cell("ViT, conv. stem", flags=("--arch", "vit", "--conv-stem")),
    "swin-stem": Cell("Swin, conv. stem", flags=("--arch", "swin", "--conv-stem")),
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


TABLES: dict[str, Table] = {
    "4": Table(
        "Comparison with other models",
        (
            Row("ViT", "vit", PAPER["vit"]),
            Row("Swin", "swin", PAPER["swin"]),
            Row("ViT, convolutional stem", "vit-stem"),
            Row("Swin, convolutional stem", "swin-stem"),
            Row("ResNet", "resnet"),
            Row("MAE (ViT)", "vit-mae", PAPER["vit-mae"]),
            Row("VMamba", "vmamba", PAPER["vmamba"]),
            Row("SSMamba", FULL, PAPER["ssmamba"]),
            Row("SSMamba, no pre-training", "pretraining-none"),
        ),
        "The paper's foundation models need weights that are not freely available (--encoders adds "
        "yours, each with its own pre-training and window). Our own rows: SSMamba without "
        "pre-training, from scratch like the others; ViT and Swin with SSMamba's deep stem instead "
        "of their patches, because that part helps SSMamba most.",
    ),
    "5": Table(
        "Embedding methods",
        (
            Row("Linear", "embedding-linear", PAPER["linear"]),
            Row("Patch Merge", "embedding-patch-merge", PAPER["patch-merge"]),
            Row("LPU", "embedding-lpu", PAPER["lpu"]),
            Row("LPR", FULL, PAPER["ssmamba"]),
        ),
        "Each embedding has its own MAMIM pre-training. With a deep or overlapping stem, as in "
        "resources/configs/study.yaml, the linear embedding is that stem and a table of positions "
        "(without patches of its own), and only patch merging has no overlap between stages; so "
        "the rows are closer to each other than the paper's.",
    ),
    "6": Table(
        "The DMS module",
        (
            Row("VMamba o/DMS", "vmamba", PAPER["vmamba"]),
            Row("VMamba w/DMS", "vmamba-dms", PAPER["vmamba-dms"]),
            Row("SSMamba o/DMS (Mamba, GELU)", "mixer-mamba-gelu", PAPER["without-dms"]),
            Row("SSMamba o/DMS (Mamba, SiLU)", "mixer-mamba"),
            Row("SSMamba o/DMS (SS2D)", "mixer-ss2d"),
            Row("SSMamba w/DMS, GELU", "act-gelu"),
            Row("SSMamba w/DMS", FULL, PAPER["ssmamba"]),
        ),
        "The paper's Table 1 and §5.2 give the original Mamba block one direction and GELU (Mamba "
        "itself uses SiLU); §5.2 also calls it the original VMamba module, so its figure may be "
        "SS2D's. VMamba is trained from scratch, as in Table 4; SSMamba with any mixer is "
        "pre-trained. So VMamba rows compare with each other, and SSMamba rows with each other. "
        "SS2D scans in four directions at full width, so inside SSMamba it has 10 to 22 % more "
        "parameters.",
    ),
    "7": Table(
        "Pre-training",
        (
            Row("None", "pretraining-none", PAPER["scratch"]),
            Row("CL", "pretraining-contrastive", PAPER["contrastive"]),
            Row("MAE", "pretraining-mae", PAPER["mae"]),
            Row("MAMIM", FULL, PAPER["ssmamba"]),
        ),
        "Fine-tuning is the same for all rows; the first one has no pre-training. The learning "
        "rate of pre-training is the same for all. MAE has a plain decoder and neither "
        "perturbation, skips nor DMS; contrastive pre-training encodes two views of each image, so "
        "its encoder does about twice the work for the same images.",
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
