"""Convolutional networks, from a picture to maps of features.

All of them halve the picture five times at 224 pixels. Made for fewer pixels, the first halvings
are left out, so that the last map keeps 4 to 7 pixels a side, as networks for CIFAR do (He et al.
2016, section 4.2).
"""
