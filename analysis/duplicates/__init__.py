"""What a corpus says twice: word for word, or in other words."""
