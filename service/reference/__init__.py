"""The API's reference as a page that needs no network and no script."""
