"""Mutations, triplets and data cards."""
