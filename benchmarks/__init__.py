"""Measures what a large corpus costs; run by `make bench`."""
