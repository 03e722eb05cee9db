"""What may be wrong with an installation, its machine and its data folder, without changing any."""
