"""Fixes by analogy: what a user did twice is proposed the third time, without any training.

    examples.py  a taken fix as the stretch of tokens that it replaced, and what came there
    rewrite.py   several alike as one rewrite with holes, and the places that it fits
    learn.py     choices -> the rewrites that agree with them
    propose.py   what the rewrites say about a problem

Source: programming by example with anti-unification, as in Rolim et al. 2017, "Learning syntactic
program transformations from examples", and Bader et al. 2019, "Getafix"; here on the tokens of one
line.
"""

from whetstone.analogy.learn import Choice, Judged, choice_of, choices_of, learn
from whetstone.analogy.propose import propose
from whetstone.analogy.rewrite import Rewrite

__all__ = ["Choice", "Judged", "Rewrite", "choice_of", "choices_of", "learn", "propose"]
