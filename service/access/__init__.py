"""Who may do what: API keys, what each route needs, and what was written by whom."""
