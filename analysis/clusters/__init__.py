"""What a corpus is about: groups of documents, their names, and how they change."""
