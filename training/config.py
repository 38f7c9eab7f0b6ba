"""Configs of the commands: every flag, its meaning and unit, and the paper's default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ssmamba.config import Embedding, Mixer, Pool

Basis = Literal["auto", "he", "giemsa", "none"]
Split = Literal["train", "val", "test", "all"]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What pre-training and fine-tuning share."""

    data: Path  # folder of images: a folder per class, or with manifest.csv
    out: Path  # the run's own folder
    resume: bool = False  # go on where the run in --out stopped
    name: str = ""  # readable name shown in lists; "" = made from data set and architecture
    tags: dict[str, str] = field(default_factory=dict)  # ablation tags, {"mixer": "mamba"}
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)

    split_seed: int = 0  # which 7:1:2 split; pre-training, fine-tuning and evaluation share it
    seed: int = 0  # weights, order and augmentation
    image_size: int = 224  # side of the network input, pixels
    cache_gib: float = 6.0  # memory for the training images

    epochs: int = 100  # passes over the training images
    batch_size: int = 64  # over all devices and passes
    accumulate: int = 1  # passes of a step; BatchNorm sees one pass at a time
    weight_decay: float = 0.05  # of AdamW
    warmup_epochs: float = 10.0  # in which the learning rate rises to its peak
    clip_norm: float = 1.0  # largest norm of all gradients; 0 = no limit
    ema_decay: float = 0.0  # moving average of the weights; 0 = off
    validate_every: int = 1  # epochs between two validations

    accelerator: str = "auto"  # auto | cpu | cuda
    devices: str = "1"  # number of devices; torchrun sets it itself
    # of several processes: ddp | fsdp, which deals out weights and optimizer of large models
    strategy: Literal["ddp", "fsdp"] = "ddp"
    precision: str = "32-true"  # 32-true | bf16-mixed | 16-mixed

    crop_min: float = 0.5  # smallest share of an image's area that a crop covers
    stain_basis: Basis = "auto"  # axes of the colour changes; auto = as the data set says
    stain_scale: float = 0.2  # of each stain's concentration, relative
    stain_shift: float = 0.03  # of each stain's concentration, optical density
    gamma: float = 0.15  # of the contrast: exponent 1 ± gamma
    brightness: float = 0.05  # of the whole picture, optical density
    colour_cast: float = 0.0  # of each channel by itself (white balance), optical density
    blur: float = 0.15  # share of the images that is blurred
    blur_sigma: float = 1.2  # strongest blur, pixels
    noise: float = 0.15  # share of the images that gets noise
    noise_sigma: float = 8.0  # strongest noise, 0..255

    # ssmamba | vmamba | vit | swin | resnet, each in four sizes | timm:NAME; --init brings its own
    arch: str = "ssmamba"
    size: str = "tiny"  # nano | tiny | small | base
    baseline_width: float = 1.0  # channels of vmamba, vit, swin and resnet times this
    conv_stem: bool = False  # vit, swin: SSMamba's deep stem in place of the patch embedding
    mixer: Mixer | None = None  # ablation of SSMamba's token mixer (Table 6)
    embedding: Embedding | None = None  # ablation of LPR (Table 5)
    local_every_block: bool | None = None  # LPR (or its counterpart) before every block
    act: Literal["silu", "gelu"] | None = None  # activation of the mixer
    pool: Pool | None = None  # what the head reads
    drop_path: float | None = None  # rate of the last block
    overlap: bool | None = None  # overlapping convolutions in stem and downsampling
    deep_stem: bool | None = None  # three 3x3 convolutions and a max-pool before stage 1
    batch_norm: bool | None = None  # BatchNorm in stem and downsampling
    column_scans: bool | None = None  # also scan along the columns
    alternate_scans: bool | None = None  # every other block reads the grid column by column
    scan_norm: bool | None = None  # LayerNorm behind the mixer's scan
    kernels: tuple[int, ...] | None = None  # widths of the mixer's convolutions, '[3, 5]'
    d_state: int | None = None  # states a channel of the scan
    mlp_ratio: float | None = None  # width of an MLP in each block; 0 = none


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(RunConfig):
    """Pre-train an encoder by MAMIM, as a masked autoencoder, or by contrast (Table 7)."""

    method: Literal["mamim", "mae", "contrastive"] = "mamim"  # way of pre-training
    lr: float = 5e-5  # peak of the learning rate
    mask_ratio: float = 0.75  # of mamim and mae
    mask_unit: int = 32  # side of a hidden square, pixels; of mamim and mae
    norm_target: bool = False  # normalise each unit's target by its own mean and variance
    decoder_dim: int = 96  # channels of the decoder; of mamim and mae
    decoder_depth: int = 1  # its blocks
    perturb: bool = True  # mamim: scanner and stain changes of the input, clean target
    skips: bool = True  # mamim: shallow features reach the decoder
    decoder_mixer: Literal["dms", "none"] = "dms"  # of mamim

    temperature: float = 0.2  # contrastive: similarities are divided by it
    key_momentum: float = 0.99  # contrastive: how much of itself the key encoder keeps in a step
    bank: int = 4096  # contrastive: keys kept, at most one for each training image
    positives: int = 5  # contrastive: look-alikes in the bank that count as positives


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(RunConfig):
    """Train a classifier, from a pre-trained encoder or from scratch."""

    init: Path | None = None  # checkpoint of training.pretrain or training.finetune
    freeze: bool = False  # keep the encoder of --init as it is and train the head alone
    batch_size: int = 8  # over all devices and passes
    lr: float = 1e-3  # peak of the learning rate
    lrs: str = ""  # learning rates to try, "1e-3,3e-4"; the best on validation is kept
    mixup: float = 0.8  # alpha of Mixup; 0 = off
    label_smoothing: float = 0.0  # share of the target that goes to all classes
    class_weights: bool = False  # weigh classes against their counts in the loss
    allow_overlap: bool = False  # accept an --init that has seen images of the test split

    def rates(self) -> tuple[float, ...]:
        """The learning rates to try."""
        return tuple(float(part) for part in self.lrs.split(",") if part.strip()) or (self.lr,)


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Turn the weight file of a published encoder into a checkpoint for --init."""

    weights: Path  # .safetensors, .pth, .pt or .bin file that you have
    out: Path  # checkpoint to write, .safetensors
    arch: str  # uni | conch | ctranspath | gigapath | virchow2 | musk | timm:NAME
    name: str = ""  # readable name shown in lists; "" = the encoder's
    image_size: int | None = None  # side of the input of a timm:NAME, pixels; None = its own


@dataclass(frozen=True, kw_only=True)
class CalibrateConfig:
    """Fit temperature and the limits behind "not sure" of a classifier again."""

    checkpoint: Path  # a classifier, .safetensors
    data: Path  # the data folder that it was trained on
    out: Path  # checkpoint to write; may be the same file
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a checkpoint on a split of a data folder."""

    checkpoint: Path  # a .safetensors file made by training.finetune or training.pretrain
    data: Path  # folder of images: a folder per class, or with manifest.csv
    split: Split = "test"  # side of the data's split to measure on
    split_seed: int | None = None  # None = the one the checkpoint was trained with
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)
    out: Path | None = None  # JSON file for the results
    allow_overlap: bool = False  # measure also on images that the model was trained with
    stain_jitter: float = 0.0  # move each stain's concentration by up to this share
    stain_basis: Basis = "auto"  # axes of the jitter; auto = as the data set says
    seed: int = 0  # of the jitter, the masks and the bootstrap
    resamples: int = 1000  # of the bootstrap
    against: Literal["none", "forest"] = "none"  # compare with a colour-histogram random forest
    batch_size: int = 32  # images at once
    accelerator: str = "auto"  # auto | cpu | cuda
    precision: str = "32-true"  # 32-true | bf16-mixed | 16-mixed
