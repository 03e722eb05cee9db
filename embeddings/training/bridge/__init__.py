"""`train bridge`: layers behind one encoder that speak in the vectors of another."""
