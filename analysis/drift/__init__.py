"""What changed between two corpora: whether anything did, which topics, and what is new."""
