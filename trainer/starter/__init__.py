"""Growing the embedded starter model from random weights."""
