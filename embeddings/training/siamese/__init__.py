"""Siamese encoders: two texts through one body, and a loss on their vectors.

Reimers and Gurevych, "Sentence-BERT", 2019, arXiv:1908.10084.
"""
