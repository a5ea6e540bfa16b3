// Which candidate of a suggestion is looked at. Pure: tested without VS Code.

import type { Candidate, Candidates, Check } from "./protocol";

/** The candidates of one suggestion that are still open, and the one on show. */
export class Choice {
  private readonly open: Candidate[];
  private index = 0;

  constructor(readonly answer: Candidates) {
    this.open = [...answer.candidates];
  }

  get current(): Candidate | undefined {
    return this.open[this.index];
  }

  get hasOthers(): boolean {
    return this.open.length > 1;
  }

  /** "2 of 3", or nothing when there is no choice. */
  get place(): string {
    return this.hasOthers ? `${this.index + 1} of ${this.open.length}` : "";
  }

  /** Go `by` candidates on, round and round. */
  move(by: number): void {
    const count = this.open.length;
    this.index = count === 0 ? 0 : (this.index + by + count) % count;
  }

  /** Take the current candidate out; the next one takes its place. */
  drop(): void {
    this.open.splice(this.index, 1);
    this.index = this.index < this.open.length ? this.index : 0;
  }
}

const MARKS = new Map<boolean | null, string>([
  [true, "✓"],
  [false, "✗"],
  [null, "?"],
]);

/** Every fix that is shown changes something, so that says nothing. */
function telling(evidence: readonly Check[]): Check[] {
  return evidence.filter((check) => check.name !== "changes something");
}

/** `✓ parses · ✓ diagnostic gone · ? nothing new` */
export function evidenceLine(evidence: readonly Check[]): string {
  return telling(evidence)
    .map((check) => `${MARKS.get(check.passed) ?? "?"} ${check.name}`)
    .join(" · ");
}

/** One line for each check, with what it found. */
export function evidenceLines(evidence: readonly Check[]): string[] {
  return telling(evidence).map((check) => {
    const mark = MARKS.get(check.passed) ?? "?";
    return check.detail ? `${mark} ${check.name}: ${check.detail}` : `${mark} ${check.name}`;
  });
}

const ORIGINS = { rule: "a rule", model: "the model", both: "a rule and the model" } as const;

/** Who came up with a candidate, in words. */
export function originOf(candidate: Candidate, model: string): string {
  const words = ORIGINS[candidate.origin];
  return candidate.origin === "rule" || !model ? words : `${words} (${model})`;
}
