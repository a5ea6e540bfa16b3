// The model: retraining it, going back to the one before, and looking at what it learns from.

import * as vscode from "vscode";
import type { Client } from "./client";
import { SERVER } from "./protocol";

/** The server shows progress, the result and the way back by itself. */
export async function retrainModel(client: Client): Promise<void> {
  const answer = await client.ask<{ started: boolean; reason?: string | null }>(SERVER.retrain);
  if (!answer.started) {
    const why = answer.reason ?? "the server did not say why";
    void vscode.window.showInformationMessage(`Whetstone: no training was started: ${why}`);
  }
}

export async function rollbackModel(client: Client): Promise<void> {
  const answer = await client.ask<{ model?: string; previous?: string; reason?: string | null }>(
    SERVER.rollback,
  );
  const done =
    answer.model === undefined
      ? (answer.reason ?? "there is no model to go back to")
      : `${answer.model} is served again, in place of ${answer.previous ?? "the newest"}`;
  void vscode.window.showInformationMessage(`Whetstone: ${done}`);
}

/** What was chosen so far, in short; the whole of it opens in a browser. */
export async function browsePreferences(client: Client): Promise<void> {
  const { text } = await client.ask<{ text: string }>(SERVER.preferences);
  const browse = "Open in Browser";
  if ((await vscode.window.showInformationMessage(text, { modal: true }, browse)) === browse) {
    const [shellPath, ...shellArgs] = client.commandLine("prefs", "browse");
    const name = "Whetstone: choices";
    vscode.window.createTerminal({ name, ...(shellPath ? { shellPath } : {}), shellArgs }).show();
  }
}
