"""What users did with suggestions, and the preference pairs that follow from it."""
