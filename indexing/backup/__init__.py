"""Backups of collections: only what changed is written, and every byte is checked coming back."""
