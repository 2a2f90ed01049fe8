"""Sanad inside other tools: LlamaIndex, LangChain, and clients of the Model Context Protocol."""

INSTALL_MCP = ".venv/bin/pip install -c constraints.txt -e '.[models,mcp]'"
"""Command that installs what mcp_server.py needs, from the checkout."""
