"""From text to words: one analyzer for lexical search, cluster labels and word vectors."""
