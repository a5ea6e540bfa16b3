"""The Language Server Protocol server: handlers translate, the core decides."""
