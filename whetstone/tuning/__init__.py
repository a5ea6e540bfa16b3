"""`whetstone tune`: a few seconds of measuring that choose how a model is run on this machine."""
