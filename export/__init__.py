"""Merge, GGUF writing, quantization and verification."""
