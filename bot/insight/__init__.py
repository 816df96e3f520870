"""What admins see of the bot and of what people ask."""
