"""Sanad inside other tools: LlamaIndex, LangChain, and clients of the Model Context Protocol."""
