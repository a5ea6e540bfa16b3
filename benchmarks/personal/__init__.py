"""A simulated user with a taste, and what a model learns from them."""
