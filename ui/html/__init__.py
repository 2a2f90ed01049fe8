"""Records as HTML, text and files: pure functions, without Gradio, a model or a clock."""
