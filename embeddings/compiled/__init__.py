"""Encoders compiled for a CPU by OpenVINO: int8 where it agrees with the library, kept on disk.

Importing this package loads nothing heavy.
"""
