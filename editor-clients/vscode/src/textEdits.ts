// Text with edits in it. Pure: tested without VS Code.

import type { ServerEdit, TextEdit } from "./protocol";

/** A replacement by offsets into the old text, in UTF-16 units as everywhere in VS Code. */
export interface OffsetEdit {
  start: number;
  end: number;
  newText: string;
}

/** The edits that concern one document. */
export function editsOf(edit: ServerEdit, uri: string): TextEdit[] {
  const versioned = (edit.documentChanges ?? [])
    .filter((change) => change.textDocument.uri === uri)
    .flatMap((change) => change.edits);
  return [...versioned, ...(edit.changes?.[uri] ?? [])];
}

/** `text` with all edits applied at once; they do not overlap. */
export function spliced(text: string, edits: readonly OffsetEdit[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    parts.push(text.slice(done, edit.start), edit.newText);
    done = edit.end;
  }
  return parts.join("") + text.slice(done);
}

/** First line of `after` that is not the same in `before`, counted from 0. */
export function firstChangedLine(before: string, after: string): number {
  const [old, now] = [before.split(/\r?\n/), after.split(/\r?\n/)];
  const changed = now.findIndex((line, number) => line !== old[number]);
  return changed === -1 ? Math.max(0, now.length - 1) : changed;
}
