// Runs inside the real extension host (extensionTestsPath): what needs no screen.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const vscode = require("vscode");
const { codes, open, run, suite, until } = require("./host.js");

const folder = () => vscode.workspace.workspaceFolders[0].uri;

const actions = (document, line) =>
  vscode.commands.executeCommand(
    "vscode.executeCodeActionProvider",
    document.uri,
    new vscode.Range(line, 4, line, 4),
    vscode.CodeActionKind.QuickFix.value,
  );

const lenses = async (document) =>
  (await vscode.commands.executeCommand("vscode.executeCodeLensProvider", document.uri)) ?? [];

/** The processes that were the server, the last one last. */
const servers = () => fs.readFileSync(process.env.WHETSTONE_PIDS, "utf8").trim().split("\n").map(Number);

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

  async "fix all, undone as a whole"() {
    const { document } = await open("all.py");
    const before = document.getText();
    await until("diagnostics", () => codes(document).length === 2);
    await vscode.commands.executeCommand("editor.action.fixAll");
    await until("the fixes", () => !/custmer|== None/.test(document.getText()));
    await vscode.commands.executeCommand("undo");
    assert.equal(document.getText(), before);
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

  async "a server that is killed is started again, and offers fixes again"() {
    const { document } = await open("sides.py");
    await until("diagnostics", () => codes(document).length === 1);
    const count = servers().length;
    process.kill(servers().at(-1), "SIGKILL");
    await until("another server", () => servers().length === count + 1);
    await until("its diagnostics", () => codes(document).length === 1);
    await until("its fixes", async () => (await actions(document, 2)).some(({ title }) => title.includes("laft")));
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

exports.run = suite(steps);
