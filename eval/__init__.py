"""Judged data to numbers: retrieval measures, similarity correlations, comparisons."""
