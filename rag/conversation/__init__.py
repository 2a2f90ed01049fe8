"""A follow-up → a question that stands alone; a question of several parts → its parts."""
