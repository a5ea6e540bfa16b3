import assert from "node:assert/strict";
import { test } from "node:test";
import { editsOf, firstChangedLine, spliced } from "../src/textEdits";

const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

test("edits count by the old text, whatever their order", () => {
  const edits = [
    { start: 8, end: 11, newText: "three" },
    { start: 0, end: 3, newText: "1" },
    { start: 4, end: 4, newText: "and " },
  ];
  assert.equal(spliced("one two 333!", edits), "1 and two three!");
});

test("an insertion before a replacement at the same place stays before it", () => {
  const edits = [
    { start: 0, end: 3, newText: "new" },
    { start: 0, end: 0, newText: "import x\n" },
  ];
  assert.equal(spliced("old", edits), "import x\nnew");
});

test("only the edits of the document are taken, of both forms", () => {
  const mine = { range, newText: "mine" };
  const other = { range, newText: "other" };
  const edit = {
    changes: { "file:///a.py": [mine], "file:///b.py": [other] },
    documentChanges: [
      { textDocument: { uri: "file:///a.py" }, edits: [mine] },
      { textDocument: { uri: "file:///b.py" }, edits: [other] },
    ],
  };
  assert.deepEqual(editsOf(edit, "file:///a.py"), [mine, mine]);
  assert.deepEqual(editsOf({}, "file:///a.py"), []);
});

test("the first changed line, also where lines were only taken away", () => {
  assert.equal(firstChangedLine("a\nb\nc", "a\nB\nc"), 1);
  assert.equal(firstChangedLine("a\r\nb", "a\r\nb\r\nc"), 2);
  assert.equal(firstChangedLine("a\nb", "a"), 0);
});
