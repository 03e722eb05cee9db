"""Pre-training on plain text: masked, causal, span and denoising objectives."""
