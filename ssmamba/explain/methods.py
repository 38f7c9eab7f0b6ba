"""The CAM methods on offer, described for a person; no torch here, so the viewer can list them."""

from __future__ import annotations

from dataclasses import dataclass

from ssmamba.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Method:
    """One way to make a class activation map."""

    name: str
    uses_class: bool  # the map belongs to one class; without, it shows what stands out at all
    signed: bool  # raw values below zero speak against the class
    description: str  # one sentence for a tooltip
    needs_zero: bool = False  # takes it that activations are zero where nothing is


_ALL = (
    Method(
        "GradCAM",
        True,
        True,
        "Weighs each feature map by its mean gradient for the class; the usual choice "
        "(Selvaraju et al. 2017).",
    ),
    Method(
        "GradCAM++",
        True,
        True,
        "GradCAM with weights that count small and repeated structures more fully "
        "(Chattopadhay et al. 2018).",
    ),
    Method(
        "HiResCAM",
        True,
        True,
        "Gradient times activation at each place, without averaging: exact for a linear head "
        "(Draelos and Carin 2020).",
    ),
    Method(
        "LayerCAM",
        True,
        True,
        "Positive gradients weigh each place by itself; keeps detail in the early stages "
        "(Jiang et al. 2021).",
        needs_zero=True,
    ),
    Method(
        "ElementWise",
        True,
        False,
        "Gradient times activation, only what speaks for the class, summed over the channels.",
    ),
    Method(
        "EigenGradCAM",
        True,
        True,
        "The main pattern of gradient times activation; smoother than HiResCAM.",
    ),
    Method(
        "EigenCAM",
        False,
        True,
        "The main pattern of the features, whatever the class (Muhammad and Yeasin 2020).",
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
STAGES = (1, 2, 3, 4)


def find_method(name: str) -> Method:
    """The method of a name, any case. Raises InputError that names a near one."""
    for known, method in METHODS.items():
        if known.lower() == name.strip().lower():
            return method
    raise InputError(f"Unknown CAM method '{name}'{did_you_mean(name, METHODS)}; choose one.")
