"""Language: text normalisation with offset maps, sentences, numbers, dates, and names across scripts."""
