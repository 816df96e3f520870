"""How journal.db came to have the tables that it has: each step a file under versions/."""
