// What the suites of the extension host share. Each step's name goes to $WHETSTONE_HOST_RESULT when it
// passed, and the error of the one that did not.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const vscode = require("vscode");

const LIMIT_MS = Number(process.env.WHETSTONE_TEST_WAIT_S ?? "150") * 1000;

const run = (command, ...args) => vscode.commands.executeCommand(`whetstone.${command}`, ...args);

async function until(what, condition) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    assert.ok(Date.now() < end, `${what}: not within ${LIMIT_MS} ms`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** A file of the first folder; `folder/file` names one of a workspace of several. */
async function open(name) {
  const [folder] = vscode.workspace.workspaceFolders;
  const base = name.includes("/") ? vscode.Uri.joinPath(folder.uri, "..") : folder.uri;
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(base, name));
  const editor = await vscode.window.showTextDocument(document);
  return { document, editor };
}

/** Codes of the diagnostics that the server found. */
const codes = (document) =>
  vscode.languages
    .getDiagnostics(document.uri)
    .filter(({ source }) => source === "whetstone")
    .map(({ code }) => String(code))
    .sort();

/** The `run` that VS Code calls, from steps by name. */
const suite = (steps) => async () => {
  const passed = [];
  let failed;
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
      passed.push(name);
    } catch (error) {
      failed = `${name}: ${error.stack}`;
      break;
    }
  }
  const result = { passed, failed, steps: Object.keys(steps).length };
  fs.writeFileSync(process.env.WHETSTONE_HOST_RESULT, JSON.stringify(result));
  if (failed) {
    throw new Error(failed);
  }
};

module.exports = { codes, open, run, suite, until };
