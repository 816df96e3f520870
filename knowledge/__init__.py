"""What the bot knows: articles as files, their passages and sentences, their language.

Plain synchronous code that reads no settings. Every span is an offset into `Article.body`, so that
a quote can be checked against the article it came from.
"""
