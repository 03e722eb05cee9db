"""Good practice before a long run: what usually goes wrong is looked for in minutes."""
