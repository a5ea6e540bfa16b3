"""Retraining on the user's own choices, and growing and measuring models."""
