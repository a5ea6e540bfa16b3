"""`whetstone doctor`: the state of this installation, what it uses and why, and what is wrong."""
