import assert from "node:assert/strict";
import { test } from "node:test";
import { addressIn, escaped, hintText, looksLikeTraceback, statusText } from "../src/texts";

const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } };
const fix = { key: "k", range, code: "F821", title: "", proved: "", candidates: 1, state: "ready" } as const;

test("the bulb is lit when a fix is ready", () => {
  const status = { state: "idle", text: "2 fixes ready", detail: "", model: "m" } as const;
  assert.equal(statusText({ ...status, ready: 2 }), "$(lightbulb-sparkle) 2 fixes ready");
  assert.equal(statusText(status), "$(lightbulb) 2 fixes ready");
  assert.equal(statusText({ ...status, state: "error", text: "" }), "$(error) Whetstone");
});

test("code from a file is no markup", () => {
  const text = "[x](command:evil) `a` <img> $(trash)";
  assert.equal(escaped(text), "\\[x\\]\\(command:evil\\) \\`a\\` \\<img\\> \\$\\(trash\\)");
});

test("a hint is short", () => {
  assert.equal(hintText({ ...fix, title: "replace `a` with `b`" }), "⚡ fix ready: replace a with b");
  assert.ok(hintText({ ...fix, title: "x".repeat(300) }).length < 90);
});

test("tracebacks of Python and pytest, and nothing else", () => {
  assert.ok(looksLikeTraceback('Traceback:\n  File "a.py", line 3, in f\n    x\nNameError: x'));
  assert.ok(looksLikeTraceback("tests/test_a.py:12: AssertionError"));
  assert.ok(looksLikeTraceback(">   assert f(1) == 2\nE   assert 1 == 2"));
  assert.ok(!looksLikeTraceback("def f():\n    return 1\n"));
  assert.ok(!looksLikeTraceback(""));
});

test("the address of the browser's page is found once its line is complete", () => {
  const line = "Preferences: http://127.0.0.1:40001/?token=a-b_C9";
  assert.equal(addressIn(line), undefined);
  assert.equal(addressIn(`${line}\nRead-only`), "http://127.0.0.1:40001/?token=a-b_C9");
  assert.equal(addressIn("Preferences: http://elsewhere:1/?token=x\n"), undefined);
});
