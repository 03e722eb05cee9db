"""What people touch: the HTTP API, the web page and the command line."""
