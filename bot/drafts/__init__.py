"""Articles that wait for an admin's word: where they come from, and how they are shown."""
