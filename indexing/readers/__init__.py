"""Files to documents: every format read as a stream, bad records named and passed over."""
