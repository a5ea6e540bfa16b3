// Runs inside the real extension host: two folders and a virtual one, and an active interpreter.
const assert = require("node:assert/strict");
const vscode = require("vscode");
const { codes, open, run, suite, until } = require("./host.js");

const line = (document, part) => document.getText().split("\n").findIndex((text) => text.includes(part));

/** The first entry of the menu is the only rule that the file breaks, or the one that is off. */
async function toggleFirstCode() {
  let done = false;
  const chosen = run("toggleCode").then(() => (done = true));
  await until("a choice", async () => {
    await vscode.commands.executeCommand("workbench.action.acceptSelectedQuickOpenItem");
    return done;
  });
  await chosen;
}

exports.run = suite({
  async "the active interpreter of the Python extension runs the server"() {
    await open("orders/orders.py");
    await until("activation", () => vscode.extensions.getExtension("whetstone.whetstone").isActive);
    const stub = vscode.extensions.getExtension("ms-python.python").exports;
    await until("a server", () => codes(vscode.window.activeTextEditor.document).length > 0);
    assert.equal(stub.asked(), true);
  },

  async "each folder has settings of its own"() {
    const { document: orders } = await open("orders/orders.py");
    await until("its own", () => codes(orders).join() === "E711,F541,F821,F821");
    const { document: second } = await open("second/bills.py");
    await until("the other's", () => codes(second).join() === "F821");
    assert.ok(line(second, "== None") > 0); // E711, which second/whetstone.toml ignores
  },

  async "a rule switched off is off in every folder, and on again"() {
    const { document } = await open("second/bills.py");
    await toggleFirstCode();
    await until("silence", () => codes(document).length === 0);
    await toggleFirstCode();
    await until("diagnostics", () => codes(document).join() === "F821");
  },

  async "the workspace switched off, and on again"() {
    const { document } = await open("orders/orders.py");
    await run("toggleWorkspace");
    await until("silence", () => codes(document).length === 0);
    await run("toggleWorkspace");
    await until("diagnostics", () => codes(document).length === 4);
  },

  async "files of a virtual folder are found and fixed"() {
    const uri = vscode.Uri.parse("memory:/virtual/draft.py");
    const document = await vscode.workspace.openTextDocument(uri);
    const editor = await vscode.window.showTextDocument(document);
    await until("diagnostics", () => codes(document).join() === "F821");
    editor.selection = new vscode.Selection(1, 12, 1, 12);
    await run("previewFix");
    await until("the preview", () => vscode.window.tabGroups.activeTabGroup.activeTab?.label.includes("F821"));
    await run("acceptFix");
    await until("the fix", () => document.getText().includes("return customer"));
  },
});
