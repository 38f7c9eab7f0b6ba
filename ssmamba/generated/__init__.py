"""Tissue drawn by a program: for the demo slide and for training small models on it.

It resembles H&E at 0.5 µm/px and shows no patient. Drawn are two maps of dye, haematoxylin and
eosin, which a scanner's optics turn into colours. Everything depends on seeds alone.

- ``sheet``: the dye maps, noise and marks on them
- ``nuclei``, ``stroma``, ``glands``, ``scenes``: what is drawn, from cells to fields
- ``optics``: from dye to RGB, with stain, scanner, blur and ink
- ``patches``: small pictures of known class, for training
- ``slide``: the demo slide, its areas and regions
"""
