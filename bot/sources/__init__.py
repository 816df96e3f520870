"""Sites whose feeds and sitemaps are checked for new articles."""
