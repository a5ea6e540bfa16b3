// Runs inside the real extension host (extensionTestsPath): what needs no screen. The steps that
// passed, and the error of the one that did not, go to $WHETSTONE_HOST_RESULT.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const vscode = require("vscode");

const passed = [];
const run = (command, ...args) => vscode.commands.executeCommand(`whetstone.${command}`, ...args);
const folder = () => vscode.workspace.workspaceFolders[0].uri;

async function until(what, condition) {
  const end = Date.now() + 150_000;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    assert.ok(Date.now() < end, `${what}: not within 150 s`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function open(name) {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder(), name));
  const editor = await vscode.window.showTextDocument(document);
  return { document, editor };
}

const codes = (document) =>
  vscode.languages
    .getDiagnostics(document.uri)
    .filter(({ source }) => source === "whetstone")
    .map(({ code }) => String(code))
    .sort();

const actions = (document, line) =>
  vscode.commands.executeCommand(
    "vscode.executeCodeActionProvider",
    document.uri,
    new vscode.Range(line, 4, line, 4),
    vscode.CodeActionKind.QuickFix.value,
  );

const lenses = async (document) =>
  (await vscode.commands.executeCommand("vscode.executeCodeLensProvider", document.uri)) ?? [];

function previewTab() {
  const { activeTab } = vscode.window.tabGroups.activeTabGroup;
  return activeTab?.input instanceof vscode.TabInputTextDiff ? activeTab : undefined;
}

const steps = {
  async "every command of package.json is there"() {
    const extension = vscode.extensions.getExtension("whetstone.whetstone");
    await open("orders.py");
    await until("activation", () => extension.isActive);
    const known = new Set(await vscode.commands.getCommands(true));
    const { commands } = extension.packageJSON.contributes;
    assert.deepEqual(commands.map((each) => each.command).filter((name) => !known.has(name)), []);
  },

  async "whetstone.toml keeps its say"() {
    const { document } = await open("orders.py");
    await until("diagnostics", () => codes(document).length === 3);
    assert.deepEqual(codes(document), ["E711", "F821", "F821"]);
    const line = document.getText().split("\n").findIndex((text) => text.includes('f"handle'));
    assert.deepEqual((await actions(document, line)).map(({ title }) => title), []);
  },

  async "next and previous candidate, accepted, and reverted by the lens"() {
    const { document, editor } = await open("sides.py");
    const before = document.getText();
    await until("diagnostics", () => codes(document).length === 1);
    editor.selection = new vscode.Selection(2, 12, 2, 12);
    await run("previewFix");
    const first = await until("the preview", previewTab);
    assert.match(first.label, /replace laft with left \(F821\) \(1 of 2\)/);
    const proposed = await vscode.workspace.openTextDocument(first.input.modified);
    assert.equal(proposed.getText(), before.replace("laft", "left"));
    await run("nextFix");
    await until("the second", () => previewTab()?.label.includes("lift (F821) (2 of 2)"));
    await run("previousFix");
    await until("the first", () => previewTab()?.label.includes("(1 of 2)"));
    await run("nextFix");
    await until("the second again", () => previewTab()?.label.includes("(2 of 2)"));
    assert.equal(vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).filter(isPreview).length, 1);
    await run("acceptFix");
    await until("the change", () => document.getText() === before.replace("laft", "lift"));
    const [keep, revert] = await until("lenses", async () => {
      const found = (await lenses(document)).filter(({ command }) => command);
      return found.length === 2 && found;
    });
    assert.equal(keep.command.title, "Whetstone: keep");
    await vscode.commands.executeCommand(revert.command.command, ...revert.command.arguments);
    await until("the old text", () => document.getText() === before);
  },

  async "off and on again in a file"() {
    const { document } = await open("orders.py");
    await run("toggleFile");
    await until("silence", () => codes(document).length === 0);
    await run("toggleFile");
    await until("diagnostics", () => codes(document).length === 3);
  },

  async "a traceback in the clipboard leads to its line"() {
    const { fsPath } = vscode.Uri.joinPath(folder(), "sides.py");
    const text = `Traceback (most recent call last):\n  File "${fsPath}", line 3, in join\n    return laft\nNameError: name 'laft' is not defined\n`;
    await vscode.env.clipboard.writeText(text);
    await open("orders.py");
    await run("fixTraceback");
    const editor = vscode.window.activeTextEditor;
    assert.equal(editor.document.uri.fsPath, fsPath);
    assert.equal(editor.selection.active.line, 2);
  },

  async "a restart ends the old server in order, and a new one serves"() {
    const { document, editor } = await open("last.py");
    await until("diagnostics", () => codes(document).length === 1);
    editor.selection = new vscode.Selection(1, 11, 1, 11);
    await run("previewFix");
    await until("the preview", previewTab);
    await run("acceptFix");
    await until("the change", () => document.getText().includes("return customer"));
    await until("recorded", async () => (await lenses(document)).length === 2);
    await run("restartServer");
    await vscode.commands.executeCommand("workbench.action.files.revert");
    await until("diagnostics of the new server", () => codes(document).length === 1);
    assert.equal((await lenses(document)).length, 0);
  },
};

const isPreview = ({ input }) =>
  input instanceof vscode.TabInputTextDiff && input.modified.scheme === "whetstone-fix";

exports.run = async () => {
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
