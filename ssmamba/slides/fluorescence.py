"""Fluorescence: light on black, in which a model of stained tissue has nothing to read."""

from __future__ import annotations

import math

import cv2

from ssmamba.slides.colours import Colours, Picture
from ssmamba.slides.ink import BLACK, DARK, share_of

GROUND = 0.5  # of a picture is dark, or has the light of one channel alone
BRIGHT = 100  # mean of the colours; most of what else is on a stained slide is brighter,
WHITE = 0.08  # and has this much of every colour, of white
LIGHT = 0.01  # of a picture; with less it is just black


def is_fluorescence(picture: Picture) -> bool:
    """Whether an HWC uint8 RGB picture is light on black, and not stained tissue on white.

    A black frame, a fold or a black pen leaves stained tissue or glass beside it bright; black ink
    alone has all three colours, and black alone no light.
    """
    colours = Colours.of(picture)
    black, dark = math.floor(BLACK * 255), math.floor(DARK * 255)
    if share_of(colours.low <= dark) <= GROUND:
        return False  # the ground has a dark colour everywhere
    red, green, blue, high = colours.red, colours.green, colours.blue, colours.high
    middle = cv2.max(cv2.min(red, green), cv2.min(cv2.max(red, green), blue))
    single = middle <= black
    ground = single | (high <= dark)
    if share_of(ground) <= GROUND:
        return False
    rest = ~ground
    lit = colours.rgb[rest]
    bright = (lit.mean(axis=-1) > BRIGHT) & (lit.min(axis=-1) > WHITE * 255)
    if lit.size and bright.mean() >= 0.5:
        return False
    light = rest | (single & (high > black))
    return bool(light.mean() > LIGHT)
