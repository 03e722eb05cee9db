"""What a corpus is about: the floor for clusters, outliers, duplicates, maps and drift."""
