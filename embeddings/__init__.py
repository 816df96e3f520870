"""Embeds passages and questions, keeps the index, and finds the passages that answer a question.

A plain synchronous library on top of ``knowledge``: no environment, no settings, no Telegram.
"""
