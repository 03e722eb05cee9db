"""A corpus as a plane: documents that are alike lie together."""
