"""The Telegram bot and the command line: the only package that knows asyncio, settings and people.

It turns what `embeddings` finds into answers, and answers into messages.
"""
