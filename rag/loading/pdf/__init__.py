"""Reads the text of PDFs: glyphs → lines in reading order → paragraphs."""
