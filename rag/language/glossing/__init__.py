"""Arabic sentences word for word in English, without a model."""
