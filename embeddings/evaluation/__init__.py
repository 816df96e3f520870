"""Questions with known answers -> figures: how well the bot answers, and how surely we know it."""
