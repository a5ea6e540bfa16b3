"""Engines answer prompts: llama.cpp in process, an OpenAI-compatible server, or a script."""

from whetstone.engine.base import Cancel, Completion, Engine, PromptTooLong, Score

__all__ = ["Cancel", "Completion", "Engine", "PromptTooLong", "Score"]
