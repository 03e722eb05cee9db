"""What does not belong: outliers of a corpus, scored, explained, and told for new vectors."""
