"""Slide encoders of other groups, in our own code, for weights that the user has.

The layouts of their files are those of their published code (Prov-GigaPath, HIPT); LongViT is the
idea alone: a transformer with dilated attention over a slide's patches.
"""

from ssmamba.models.slides.published.build import PUBLISHED, WIDTHS, build_published, depth_of

__all__ = ["PUBLISHED", "WIDTHS", "build_published", "depth_of"]
