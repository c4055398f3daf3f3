"""cellprune in napari: folders of the Cell Tracking Challenge, runs and predictions as layers; models on open layers.

What needs no window (`reader`, `predicting`, `agreement` and what they use) imports neither napari nor Qt.
"""
