// What Whetstone's server says beyond LSP, and the names of its commands.
// docs/language-server.md describes it; everything else goes through ordinary LSP.

export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export type State = "idle" | "loading" | "preparing" | "fixing" | "training" | "off" | "error";

/** `whetstone/status`: what the server is doing, and why it offers what it offers. */
export interface Status {
  state: State;
  text: string;
  detail: string;
  model: string;
  uri?: string | null;
  ready?: number | null;
}

/** One problem of a document and what is prepared for it. */
export interface PreparedFix {
  key: string;
  range: Range;
  code: string;
  title: string;
  proved: string;
  candidates: number;
  state: "ready" | "none" | "preparing";
  reason?: string | null;
}

/** `whetstone/fixes`: what is prepared for one version of a document. */
export interface PreparedFixes {
  uri: string;
  /** null when the document was closed. */
  version: number | null;
  fixes: PreparedFix[];
}

/** One thing that was looked at; `passed` is null when it could not be decided. */
export interface Check {
  name: string;
  passed: boolean | null;
  detail: string;
}

export interface TextEdit {
  range: Range;
  newText: string;
}

/** A WorkspaceEdit as this server makes them: text edits of one document. */
export interface ServerEdit {
  changes?: Record<string, TextEdit[]>;
  documentChanges?: { textDocument: { uri: string }; edits: TextEdit[] }[];
}

export interface Candidate {
  id: string;
  title: string;
  summary: string;
  evidence: Check[];
  edit: ServerEdit;
  origin: "rule" | "model" | "both";
}

/** Answer of `whetstone.candidates`. Without candidates, `reason` says why. */
export interface Candidates {
  suggestion: string;
  uri: string;
  version: number;
  range: Range;
  problem: string;
  model: string;
  candidates: Candidate[];
  reason?: string | null;
}

export interface Location {
  uri: string;
  range: Range;
  message: string;
  key?: string | null;
}

/** Answer of `whetstone.traceback` and `whetstone.lastFailed`, the first of which the server shows. */
export interface Locations {
  locations: Location[];
  reason?: string | null;
}

export const STATUS = "whetstone/status";
export const FIXES = "whetstone/fixes";

/** Commands of the server, for workspace/executeCommand. */
export const SERVER = {
  apply: "whetstone.apply",
  reject: "whetstone.reject",
  candidates: "whetstone.candidates",
  status: "whetstone.status",
  traceback: "whetstone.traceback",
  lastFailed: "whetstone.lastFailed",
  test: "whetstone.test",
  retrain: "whetstone.retrain",
  rollback: "whetstone.rollback",
  preferences: "whetstone.preferences",
  disable: "whetstone.disable",
  enable: "whetstone.enable",
} as const;
