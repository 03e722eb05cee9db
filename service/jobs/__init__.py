"""Long work: what is asked for now and answered later, with progress, and stopped when unwanted."""
