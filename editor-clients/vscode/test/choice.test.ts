import assert from "node:assert/strict";
import { test } from "node:test";
import { Choice, evidenceLine, evidenceLines, originOf } from "../src/choice";
import type { Candidate, Candidates } from "../src/protocol";

const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } };

function candidate(id: string): Candidate {
  return { id, title: id, summary: "", evidence: [], edit: {}, origin: "model" };
}

function answer(...ids: string[]): Candidates {
  const candidates = ids.map(candidate);
  return { suggestion: "s", uri: "file:///a.py", version: 1, range, problem: "", model: "m", candidates };
}

test("moving goes round, in both directions", () => {
  const choice = new Choice(answer("a", "b", "c"));
  assert.equal(choice.place, "1 of 3");
  choice.move(-1);
  assert.deepEqual(choice.current, candidate("c"));
  choice.move(1);
  assert.deepEqual(choice.current, candidate("a"));
});

test("what was rejected is gone, and the next one takes its place", () => {
  const choice = new Choice(answer("a", "b", "c"));
  choice.move(1);
  choice.drop();
  assert.deepEqual(choice.current, candidate("c"));
  choice.drop();
  assert.deepEqual(choice.current, candidate("a"));
  assert.equal(choice.hasOthers, false);
  assert.equal(choice.place, "");
  choice.drop();
  assert.equal(choice.current, undefined);
});

test("the server's answer stays as it was", () => {
  const said = answer("a", "b");
  new Choice(said).drop();
  assert.equal(said.candidates.length, 2);
});

test("evidence tells passed, failed and undecided apart", () => {
  const evidence = [
    { name: "changes something", passed: true, detail: "" },
    { name: "parses", passed: true, detail: "" },
    { name: "nothing new", passed: null, detail: "too large" },
    { name: "test passes", passed: false, detail: "" },
  ];
  assert.equal(evidenceLine(evidence), "✓ parses · ? nothing new · ✗ test passes");
  assert.equal(evidenceLines(evidence)[1], "? nothing new: too large");
});

test("a rule has no model", () => {
  assert.equal(originOf({ ...candidate("a"), origin: "rule" }, "starter"), "a rule");
  assert.equal(originOf({ ...candidate("a"), origin: "both" }, "starter"), "a rule and the model (starter)");
});
