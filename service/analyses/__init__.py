"""What a collection is about, as the service asks and tells: requests in, kept results out."""
