"""What the bot keeps of its own: its database, what is in it, and backups."""
