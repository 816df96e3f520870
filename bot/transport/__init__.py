"""What comes from Telegram and what goes to it: nothing is lost, and nothing sent twice."""
