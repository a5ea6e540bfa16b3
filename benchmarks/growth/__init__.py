"""How Whetstone's times grow with files, open documents and stored preferences."""
