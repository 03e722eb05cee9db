"""Images to vectors: decoding, networks, and the encoder that holds them."""
