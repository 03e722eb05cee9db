"""Recipes of every kind as one thing that can be checked, tuned and laddered."""
