"""Making encoders: recipes, data, optimisation, running, receipts.

Nothing here loads a heavy library on import; functions import what they compute with.
"""
