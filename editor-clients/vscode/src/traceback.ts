// From a traceback, the last failed tests or a test that was run, to the line, with fixes prepared.

import * as vscode from "vscode";
import { type Client, UNTRUSTED } from "./client";
import { type Locations, SERVER, type TestResult } from "./protocol";
import { looksLikeTraceback } from "./texts";

export async function fixTraceback(client: Client): Promise<void> {
  const text = await findTraceback();
  if (text === undefined) {
    void vscode.window.showInformationMessage(
      "Whetstone: select a traceback in an editor or the terminal, or copy one, and run this again.",
    );
    return;
  }
  await goTo(await client.ask<Locations>(SERVER.traceback, { text, ...inFront(client) }));
}

export async function fixLastFailed(client: Client): Promise<void> {
  if (vscode.workspace.isTrusted) {
    await goTo(await client.ask<Locations>(SERVER.lastFailed, inFront(client)));
  } else {
    void vscode.window.showInformationMessage(UNTRUSTED);
  }
}

/** After "Fix this test", of which the server tells by itself: to the line that is suspected. */
export async function showTestResult({ locations: [first] }: TestResult): Promise<void> {
  if (first !== undefined) {
    await reveal(first);
  }
}

/** The document that the user is in, so that its folder is looked in first. */
function inFront(client: Client): { uri?: string } {
  const document = vscode.window.activeTextEditor?.document;
  return document !== undefined && client.serves(document) ? { uri: client.uriOf(document) } : {};
}

/** The selection, what is selected in the terminal, or the clipboard, if it is a traceback. */
async function findTraceback(): Promise<string | undefined> {
  const editor = vscode.window.activeTextEditor;
  const selected = editor?.document.getText(editor.selection) ?? "";
  if (looksLikeTraceback(selected)) {
    return selected;
  }
  const texts = [await terminalSelection(), await vscode.env.clipboard.readText()];
  return texts.find(looksLikeTraceback);
}

/** VS Code gives a terminal's selection only through the clipboard, which is put back after. */
async function terminalSelection(): Promise<string> {
  if (vscode.window.activeTerminal === undefined) {
    return "";
  }
  const before = await vscode.env.clipboard.readText();
  await vscode.env.clipboard.writeText("");
  await vscode.commands.executeCommand("workbench.action.terminal.copySelection");
  const selected = await vscode.env.clipboard.readText();
  await vscode.env.clipboard.writeText(before);
  return selected;
}

async function goTo({ locations, reason }: Locations): Promise<void> {
  const [first, ...others] = locations;
  if (first === undefined) {
    const why = reason ?? "no line of this workspace is named there";
    void vscode.window.showInformationMessage(`Whetstone: ${why}`);
    return;
  }
  await reveal(first);
  if (others.length > 0) {
    const where = `${first.message} (and ${others.length} more places)`;
    void vscode.window.setStatusBarMessage(`Whetstone: ${where}`, 8000);
  }
}

async function reveal(location: Locations["locations"][number]): Promise<void> {
  const { start, end } = location.range;
  const selection = new vscode.Range(start.line, start.character, end.line, end.character);
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(location.uri));
  const editor = await vscode.window.showTextDocument(document);
  editor.selection = new vscode.Selection(selection.start, selection.start);
  editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
