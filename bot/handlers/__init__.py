"""What the bot does with each kind of update: parse, one call, reply."""
