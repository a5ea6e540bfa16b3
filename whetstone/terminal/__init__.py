"""`whetstone fix`: the main path in a terminal, one problem after the other."""
