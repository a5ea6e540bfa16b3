// From a traceback, the last failed tests or a test that was run, to the line, with fixes prepared.

import * as vscode from "vscode";
import { type Client, UNTRUSTED } from "./client";
import { type Locations, SERVER } from "./protocol";
import { looksLikeTraceback } from "./texts";

export async function fixTraceback(client: Client): Promise<void> {
  const text = await findTraceback();
  if (text === undefined) {
    void vscode.window.showInformationMessage(
      "Whetstone: select a traceback in an editor or the terminal, or copy one, and run this again.",
    );
    return;
  }
  tell(await client.ask<Locations>(SERVER.traceback, { text, ...inFront(client) }));
}

export async function fixLastFailed(client: Client): Promise<void> {
  if (vscode.workspace.isTrusted) {
    tell(await client.ask<Locations>(SERVER.lastFailed, inFront(client)));
  } else {
    void vscode.window.showInformationMessage(UNTRUSTED);
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

/** The server has shown the first place (window/showDocument). */
function tell({ locations, reason }: Locations): void {
  const [first, ...others] = locations;
  if (first === undefined) {
    const why = reason ?? "no line of this workspace is named there";
    void vscode.window.showInformationMessage(`Whetstone: ${why}`);
    return;
  }
  if (others.length > 0) {
    const where = `${first.message} (and ${others.length} more places)`;
    void vscode.window.setStatusBarMessage(`Whetstone: ${where}`, 8000);
  }
}
