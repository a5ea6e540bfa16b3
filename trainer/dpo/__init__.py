"""Preference training whose prompts are computed once: rows, masks, token scores, losses.

    rows.py        examples laid out and packed into rows
    attention.py   who may look at whom in such a row
    scores.py      log-probabilities of answer tokens, without the full logits
    loss.py        the arithmetic of the losses
    reference.py   what the reference model says, computed once and stored

`trainer/trainers.py` puts them into TRL's trainers.
"""
