"""Search over the keys of a recipe for the values that measure best on its dev data."""
