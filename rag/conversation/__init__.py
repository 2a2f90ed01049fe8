"""A follow-up → what is searched for and asked; a question of several parts → its parts."""
