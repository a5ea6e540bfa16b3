"""The main path: a diagnostic becomes ranked, proven candidates.

The editor, the terminal, the evaluation and the trainer's own sampling all call `Fixer.propose`;
there is no second copy of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from typing import cast

from whetstone import analogy, context, rules
from whetstone.analogy import Rewrite
from whetstone.candidate import Answer, Candidate, Origin, Proposal, candidate_of
from whetstone.engine.base import Cancel, Completion, Engine, PromptTooLong
from whetstone.evidence import TestRunner
from whetstone.problem import Diagnostic, Document, Problem, Replacement
from whetstone.prompt import FormatName, Prompt, answer_text, parse, render
from whetstone.prover import Proof, Propose, Prover
from whetstone.ranking import ranking_key
from whetstone.settings import Settings
from whetstone.slips.passing import Passing, passing
from whetstone.standing import with_standing

_MAX_SCORED_RULES = 4
DRAFTS = 4  # of the rules' proposals, told to the engine


class Fixer:
    """Proposes fixes with one engine, or with rules alone when there is none."""

    def __init__(
        self,
        engine: Engine | None,
        settings: Settings,
        *,
        learned: Sequence[Rewrite] = (),
        prove_beside: bool = True,
    ) -> None:
        """`learned` are rewrites that the user's choices speak for: they are tried first.

        `prove_beside = False` lets checks and model take turns: one core is enough for both.
        """
        self._engine = engine
        self._settings = settings
        self._learned = learned
        self._beside = prove_beside

    @property
    def model_id(self) -> str:
        return self._engine.model_id if self._engine else "rules"

    @property
    def prompt_format(self) -> FormatName:
        return cast(FormatName, self._engine.prompt_format) if self._engine else "chat"

    def propose(
        self,
        document: Document,
        diagnostic: Diagnostic,
        *,
        n: int | None = None,
        cancel: Cancel | None = None,
        test: TestRunner | None = None,
        failure: str = "",
    ) -> Proposal:
        """Candidates for `diagnostic`, proved and ranked.

        When nothing can be proved for the flagged lines alone, wider regions are tried, and at last
        the smallest edits that compile.

        Raises:
            Cancelled: `cancel` was set.
            EngineError: the model failed; ask again with a Fixer without an engine.
        """
        begin = time.perf_counter()
        hints = rules.hints(document, diagnostic)
        first: Proposal | None = None
        for region in context.regions_for(document, diagnostic):
            problem = context.build_problem(
                document, diagnostic, region=region, failure=failure, hints=hints
            )
            proposal = self._propose(document, problem, n, cancel, test, begin)
            if proposal.candidates:
                return proposal
            first = first or proposal
        assert first is not None
        found, failed = self._last_resort(document, first.problem, cancel, test)
        return dataclasses.replace(
            first,
            candidates=found,
            rejected=(*first.rejected, *failed),
            latency_s=time.perf_counter() - begin,
        )

    def slips(
        self,
        document: Document,
        diagnostic: Diagnostic,
        *,
        test: TestRunner,
        failure: str = "",
        cancel: Cancel | None = None,
    ) -> Proposal:
        """Small changes for a failing test to which `propose` has no answer; see `passing`.

        Raises: as `propose`.
        """
        found = passing(document, diagnostic, test=test, failure=failure, cancel=cancel)
        return self.rank(document, found, cancel)

    def rank(self, document: Document, found: Passing, cancel: Cancel | None = None) -> Proposal:
        """What passes, the likeliest first; without an engine, the commonest slip first."""
        begin = time.perf_counter()
        problem = found.problem
        shown, failed = self._ranked(document, problem, found.proofs, cancel)
        return Proposal(
            problem=problem,
            document=document,
            diagnostic=problem.diagnostic,
            candidates=shown,
            rejected=failed,
            model_id=self.model_id,
            prompt_format=self.prompt_format,
            latency_s=time.perf_counter() - begin,
            sieved=found.sieved,
        )

    def _last_resort(
        self, document: Document, problem: Problem, cancel: Cancel | None, test: TestRunner | None
    ) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
        """What compiles of the smallest edits, ranked, and what could not be proved of it."""
        with self._prover(document, problem, cancel, test, rules.last_resort) as prover:
            proofs = prover.rules()
        return self._ranked(document, problem, proofs, cancel)

    def _ranked(
        self,
        document: Document,
        problem: Problem,
        proofs: Sequence[Proof],
        cancel: Cancel | None,
    ) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
        """What may be shown of changes that the model did not make, ranked, and the others."""
        tried = [candidate_of(document, problem, proof, "rule", None) for proof in proofs]
        shown = _placed([candidate for candidate in tried if candidate.evidence.shown])
        if shown and self._engine is not None:
            prompt = render(problem, self.prompt_format)
            with contextlib.suppress(PromptTooLong):
                shown = self._scored(problem, prompt, shown, cancel)
        return (
            tuple(sorted(shown, key=lambda candidate: ranking_key(candidate.ranked))),
            tuple(candidate for candidate in tried if not candidate.evidence.shown),
        )

    def _propose(
        self,
        document: Document,
        problem: Problem,
        n: int | None,
        cancel: Cancel | None,
        test: TestRunner | None,
        begin: float,
    ) -> Proposal:
        learned = analogy.propose(problem, self._learned)
        by_rules = functools.partial(_by_rules, learned)
        with self._prover(document, problem, cancel, test, by_rules) as prover:
            prompt, answers, unparsable = self._answers(problem, n, cancel, prover)
            proved = self._candidates(document, problem, answers, prover, learned)
        shown = _placed([candidate for candidate in proved if candidate.evidence.shown])
        shown = self._scored(problem, prompt, shown, cancel)
        shown = [candidate for candidate in shown if not self._is_guess(problem, candidate)]
        return Proposal(
            problem=problem,
            document=document,
            diagnostic=problem.diagnostic,
            candidates=tuple(sorted(shown, key=lambda c: ranking_key(c.ranked))),
            rejected=tuple(c for c in proved if not c.evidence.shown),
            model_id=self.model_id,
            prompt_format=self.prompt_format,
            latency_s=time.perf_counter() - begin,
            unparsable=unparsable,
        )

    def _prover(
        self,
        document: Document,
        problem: Problem,
        cancel: Cancel | None,
        test: TestRunner | None,
        propose: Propose,
    ) -> Prover:
        return Prover(
            document, problem, test=test, cancel=cancel, propose=propose, beside=self._beside
        )

    def _is_guess(self, problem: Problem, candidate: Candidate) -> bool:
        """True for an answer that the model alone gave and found unlikely itself.

        Only where no run will judge it: a failing test tells a lucky guess from a wrong one.
        """
        return (
            self._engine is not None
            and problem.diagnostic.source in ("python", "ruff")
            and candidate.origin == "model"
            and candidate.logprob is not None
            and candidate.logprob < self._engine.least_logprob
        )

    def _answers(
        self, problem: Problem, n: int | None, cancel: Cancel | None, prover: Prover
    ) -> tuple[Prompt | None, dict[Replacement, Answer], int]:
        """The prompt, the model's distinct answers, and how many could not be parsed.

        Proof of each begins when it is finished, while the model goes on with the others.
        """
        answers: dict[Replacement, Answer] = {}
        if self._engine is None:
            return None, answers, 0
        unparsable = 0
        try:
            expected = prover.proposed()[:DRAFTS]
            number = n or self._settings.candidates
            prompt, completions = self._generate(problem, expected, number, cancel)
        except PromptTooLong:  # one enormous line: the rules may still know
            return None, answers, 0
        for completion in completions:
            replacement = parse(completion.text, problem, self.prompt_format)
            if completion.finish == "length" or replacement is None:
                unparsable += 1
                continue
            prover.start(replacement)
            known = answers.get(replacement)
            if known is None or completion.number < known.number:
                answers[replacement] = Answer(
                    number=completion.number,
                    # A remote server may not tell: NaN, which has no place in a ranking or in JSON.
                    logprob=None if math.isnan(completion.logprob) else completion.logprob,
                    tokens=completion.tokens,
                )
        return prompt, answers, unparsable

    def _generate(
        self, problem: Problem, expected: Sequence[Replacement], n: int, cancel: Cancel | None
    ) -> tuple[Prompt, Iterator[Completion]]:
        """Completions for the largest window of the file that fits the model's context."""
        assert self._engine is not None
        while True:
            prompt = render(problem, self.prompt_format, expected=expected)
            completions = self._engine.generate(
                prompt,
                n=n,
                max_tokens=self._settings.max_tokens,
                temperature=self._settings.temperature,
                seed=self._settings.seed,
                cancel=cancel,
            )
            try:  # the first one shows whether the prompt fits
                first = list(itertools.islice(completions, 1))
                return prompt, itertools.chain(first, completions)
            except PromptTooLong:
                smaller = _shrunk(problem)
                if smaller == problem:
                    raise
                problem = smaller

    def _candidates(
        self,
        document: Document,
        problem: Problem,
        answers: dict[Replacement, Answer],
        prover: Prover,
        learned: Sequence[Replacement],
    ) -> list[Candidate]:
        """Everything that was proved: the rules' first, then the model's by their numbers."""
        by_rule = prover.rules()
        known = {proof.replacement for proof in by_rule}
        by_number = sorted(answers, key=lambda replacement: answers[replacement].number)
        by_model = [prover.result(replacement) for replacement in by_number]
        found = []
        for proof in (*by_rule, *(proof for proof in by_model if proof.replacement not in known)):
            answer = answers.get(proof.replacement)
            origin: Origin = "model"
            if proof.replacement in known:
                origin = "rule" if answer is None else "both"
            found.append(candidate_of(document, problem, proof, origin, answer))
        habits = None if self._engine is None else self._engine.habits
        return with_standing(found, problem, habits, learned)

    def _scored(
        self,
        problem: Problem,
        prompt: Prompt | None,
        shown: list[Candidate],
        cancel: Cancel | None,
    ) -> list[Candidate]:
        """The model's likelihood for what only a rule proposed, so that both can be ranked."""
        if self._engine is None or prompt is None:
            return shown
        scored = []
        for number, candidate in enumerate(shown):
            if candidate.logprob is None and number < _MAX_SCORED_RULES:
                answer = answer_text(problem, candidate.replacement, self.prompt_format)
                score = self._engine.score(prompt, answer, cancel=cancel)
                if score is not None:
                    candidate = dataclasses.replace(
                        candidate, logprob=score.logprob, tokens=score.tokens
                    )
            scored.append(candidate)
        return scored


def _placed(shown: list[Candidate]) -> list[Candidate]:
    """The same with the places of those that the rules proposed, in the order of the rules."""
    places = itertools.count()
    return [
        candidate
        if candidate.origin == "model"
        else dataclasses.replace(candidate, rule_place=next(places))
        for candidate in shown
    ]


def _by_rules(
    learned: Sequence[Replacement], document: Document, problem: Problem
) -> list[Replacement]:
    """What the user's own rewrites say, and our rules."""
    return list(dict.fromkeys([*learned, *rules.propose(document, problem)]))


def _shrunk(problem: Problem) -> Problem:
    """The problem with half of its context."""
    return dataclasses.replace(
        problem,
        head=problem.head[: len(problem.head) // 2],
        above=problem.above[(len(problem.above) + 1) // 2 :],
        below=problem.below[: len(problem.below) // 2],
        failure=problem.failure[len(problem.failure) // 2 :] if len(problem.failure) > 200 else "",
    )
