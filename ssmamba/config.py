"""Architecture configuration, readable without torch (the viewer shows it from the card)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from ssmamba.errors import CheckpointError, did_you_mean

Mixer = Literal["dms", "mamba", "ss2d"]
Embedding = Literal["lpr", "lpu", "linear", "patch_merge", "none"]
Pool = Literal["mean", "cls", "both"]

STRIDES = (4, 8, 16, 32)  # input pixels per token in stages 1 to 4

# name -> (channels of the four stages, mixer blocks of the four stages)
SIZES: dict[str, tuple[tuple[int, int, int, int], tuple[int, int, int, int]]] = {
    "nano": ((32, 64, 128, 256), (1, 1, 4, 2)),
    "tiny": ((64, 128, 256, 512), (2, 2, 8, 4)),
    "small": ((96, 192, 384, 768), (2, 2, 9, 5)),
    "base": ((160, 320, 640, 1280), (2, 4, 20, 5)),
}

# The same of VMamba, with about as many parameters as SSMamba of that size.
VMAMBA_SIZES: dict[str, tuple[tuple[int, int, int, int], tuple[int, int, int, int]]] = {
    "nano": ((24, 48, 96, 192), (1, 1, 2, 1)),
    "tiny": ((48, 96, 192, 384), (2, 2, 4, 2)),
    "small": ((72, 144, 288, 576), (2, 2, 6, 2)),
    "base": ((128, 256, 512, 1024), (2, 2, 9, 2)),
}


def known_fields(config: type, values: dict[str, Any]) -> dict[str, Any]:
    """A card's values for an architecture, lists as tuples. Raises CheckpointError for an unknown
    field.
    """
    known = {field.name for field in fields(config)}
    for name in values:
        if name not in known:
            raise CheckpointError(
                "This checkpoint has an unknown architecture field '{name}'"
                "{hint}; a newer version of the viewer may read it.",
                name=name,
                hint=did_you_mean(name, known),
            )
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


@dataclass(frozen=True)
class SSMambaConfig:
    """SSMamba's encoder (SSMamba §3); every ablation of Tables 5 and 6 is a value of a field.

    VMamba, which shares the frame of stages, is described by the same fields.
    """

    size: str = "tiny"  # nano | tiny | small | base; names the default dims and depths
    dims: tuple[int, int, int, int] = SIZES["tiny"][0]  # channels per stage
    depths: tuple[int, int, int, int] = SIZES["tiny"][1]  # mixer blocks per stage
    mixer: Mixer = "dms"
    embedding: Embedding = "lpr"
    local_every_block: bool = False  # the local module before every block, not once a stage
    overlap: bool = False  # overlapping 3x3 convolutions in the stem and between the stages
    deep_stem: bool = False  # three 3x3 convolutions and a max-pool before stage 1, as in ResNets
    batch_norm: bool = False  # BatchNorm, not LayerNorm, in the stem and between the stages
    act: str = "silu"  # silu | gelu, in the mixer (Table 1)
    d_state: int = 16  # N, states per channel
    kernels: tuple[int, ...] = (3,)  # widths of the 1-D convolutions, in parallel
    column_scans: bool = False  # adds the two column-major directions
    alternate_scans: bool = False  # every other block reads the grid column by column
    scan_norm: bool = False  # LayerNorm behind the scan of DMS and Mamba, as SS2D has one
    pool: Pool = "mean"  # the head reads the last tokens' mean, the class token (the paper), both
    drop_path: float = 0.0  # rate of the last block; earlier blocks rise linearly to it
    mlp_ratio: float = 0.0  # 0 = no MLP in the block, as in the paper
    grid: int = 32  # side of the learned position table (embedding=linear), in stage-1 tokens

    @classmethod
    def of_size(cls, size: str, **changes: Any) -> SSMambaConfig:
        """Return the config of a named size with some fields changed."""
        if size not in SIZES:
            raise CheckpointError(
                "Unknown model size '{size}'{hint}; choose another size.",
                size=size,
                hint=did_you_mean(size, SIZES),
            )
        dims, depths = SIZES[size]
        return cls(**{"size": size, "dims": dims, "depths": depths, **changes})

    @property
    def stem_overlaps(self) -> bool:
        """Whether a token of stage 1 sees pixels of its neighbours."""
        return self.overlap or self.deep_stem

    @classmethod
    def vmamba(cls, size: str, **changes: Any) -> SSMambaConfig:
        """Return VMamba's config of a named size with some fields changed."""
        if size not in VMAMBA_SIZES:
            raise CheckpointError(
                "Unknown model size '{size}'{hint}; choose another size.",
                size=size,
                hint=did_you_mean(size, VMAMBA_SIZES),
            )
        dims, depths = VMAMBA_SIZES[size]
        own = {"mixer": "ss2d", "embedding": "none", "overlap": True, "mlp_ratio": 4.0}
        return cls(**{"size": size, "dims": dims, "depths": depths, **own, **changes})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SSMambaConfig:
        """Build from JSON values; an unknown field is an error that names it."""
        return cls(**known_fields(cls, values))


@dataclass(frozen=True)
class MIMConfig:
    """Masked image modelling (MAMIM, SSMamba §3.4; MAE): what is masked and how it is decoded."""

    mask_ratio: float = 0.75  # share of mask units that are hidden
    mask_unit: int = 32  # side of a mask unit, input pixels; a multiple of 4
    decoder_dim: int = 96  # channels of the decoder at stride 32; halved per finer stage, >= 32
    decoder_depth: int = 1  # DMS blocks per decoder stage
    # dms: MAMIM; none: MAMIM without its blocks; attention: MAE's plain decoder
    decoder_mixer: Literal["dms", "none", "attention"] = "dms"
    skips: bool = True  # features of the shallower stages reach the decoder
    from_mean: bool = True  # the decoder predicts the difference from the visible pixels' mean
    norm_target: bool = False  # normalise each unit's pixels by its own mean and variance
    perturb: bool = True  # scanner and stain perturbation of the input, clean target
    stain: str = "he"  # he | giemsa | none: basis in which the perturbation moves the colours

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MIMConfig:
        known = {field.name for field in fields(cls)}
        return cls(**{k: v for k, v in values.items() if k in known})
