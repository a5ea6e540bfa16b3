// Fixes off and on, for as long as the server runs. The lasting ways are the settings and a
// `# whetstone: off` comment at the top of a file.

import * as vscode from "vscode";
import type { Client } from "./client";
import { SERVER } from "./protocol";

type Scope = "file" | "workspace" | "code";

export class Toggles {
  /** What was switched off here: by scope and name. */
  private readonly off = new Set<string>();

  constructor(private readonly client: Client) {
    client.onStart(() => {
      this.off.clear(); // a new server knows nothing of it
    });
  }

  async file(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (document?.languageId !== "python") {
      void vscode.window.showInformationMessage("Whetstone: open a Python file first.");
      return;
    }
    await this.toggle("file", { uri: this.client.uriOf(document) }, "in this file");
  }

  async workspace(): Promise<void> {
    await this.toggle("workspace", {}, "in this workspace");
  }

  async code(): Promise<void> {
    const codes = new Set([...this.switchedOff("code"), ...codesInFront()]);
    if (codes.size === 0) {
      void vscode.window.showInformationMessage("Whetstone: this file has no problem with a rule.");
      return;
    }
    const entries = [...codes].map((code) => ({
      label: code,
      description: this.off.has(`code ${code}`) ? "off: switch on" : "on: switch off",
    }));
    const title = "Rules to switch off or on";
    const chosen = await vscode.window.showQuickPick(entries, { title });
    if (chosen !== undefined) {
      await this.toggle("code", { code: chosen.label }, `for ${chosen.label}`);
    }
  }

  private switchedOff(scope: Scope): string[] {
    const prefix = `${scope} `;
    const entries = [...this.off].filter((entry) => entry.startsWith(prefix));
    return entries.map((entry) => entry.slice(prefix.length));
  }

  private async toggle(scope: Scope, what: { uri?: string; code?: string }, words: string): Promise<void> {
    const entry = `${scope} ${what.uri ?? what.code ?? ""}`;
    const command = this.off.has(entry) ? SERVER.enable : SERVER.disable;
    const { disabled } = await this.client.ask<{ disabled: boolean }>(command, { scope, ...what });
    if (disabled) {
      this.off.add(entry);
    } else {
      this.off.delete(entry);
    }
    const state = disabled ? "off" : "on";
    void vscode.window.setStatusBarMessage(`Whetstone: fixes are ${state} ${words}`, 5000);
  }
}

/** Codes of the diagnostics of the document in front, of every tool. */
function codesInFront(): string[] {
  const document = vscode.window.activeTextEditor?.document;
  const found = document === undefined ? [] : vscode.languages.getDiagnostics(document.uri);
  return found.flatMap(({ code }) => {
    const value = typeof code === "object" ? code.value : code;
    return value === undefined ? [] : [String(value)];
  });
}
