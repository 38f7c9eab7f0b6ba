"""The CAM methods on offer, described for a person; no torch here, so the viewer can list them."""

from __future__ import annotations

from dataclasses import dataclass

from ssmamba.errors import InputError, did_you_mean
from ssmamba.wording import words


@dataclass(frozen=True)
class Method:
    """One way to make a class activation map."""

    name: str
    description: str  # one sentence for a tooltip
    uses_class: bool = True  # the map belongs to one class; else it shows what stands out at all
    signed: bool = True  # raw values below zero speak against the class
    needs_zero: bool = False  # takes it that activations are zero where nothing is


_ALL = (
    Method(
        "GradCAM",
        words(
            "Weighs each feature map by its mean gradient for the class; the usual choice "
            "(Selvaraju et al. 2017)."
        ),
    ),
    Method(
        "GradCAM++",
        words(
            "GradCAM with weights that count small and repeated structures more fully "
            "(Chattopadhay et al. 2018)."
        ),
    ),
    Method(
        "HiResCAM",
        words(
            "Gradient times activation at each place, without averaging: exact for a linear head "
            "(Draelos and Carin 2020)."
        ),
    ),
    Method(
        "LayerCAM",
        words(
            "Positive gradients weigh each place by itself; keeps detail in the early stages "
            "(Jiang et al. 2021)."
        ),
        needs_zero=True,
    ),
    Method(
        "ElementWise",
        words(
            "Gradient times activation, only what speaks for the class, summed over the channels."
        ),
        signed=False,
    ),
    Method(
        "EigenGradCAM",
        words("The main pattern of gradient times activation; smoother than HiResCAM."),
    ),
    Method(
        "EigenCAM",
        words("The main pattern of the features, whatever the class (Muhammad and Yeasin 2020)."),
        uses_class=False,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
STAGES = (1, 2, 3, 4)


def find_method(name: str) -> Method:
    """The method of a name, any case. Raises InputError that names a near one."""
    for known, method in METHODS.items():
        if known.lower() == name.strip().lower():
            return method
    raise InputError(
        "Unknown CAM method '{name}'{hint}; choose one.",
        name=name,
        hint=did_you_mean(name, METHODS),
    )
