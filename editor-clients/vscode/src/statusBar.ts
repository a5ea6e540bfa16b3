// The status bar item: what the model is doing, why nothing was offered, and a menu.

import * as vscode from "vscode";
import type { Client } from "./client";
import { SERVER, type Status } from "./protocol";
import { escaped, statusText } from "./texts";

interface Entry extends vscode.QuickPickItem {
  command?: string;
}

const COMMANDS: readonly Entry[] = [
  { label: "$(open-preview) Preview the fix at the cursor", command: "whetstone.previewFix" },
  { label: "$(debug-alt) Fix from a traceback", command: "whetstone.fixTraceback" },
  { label: "$(beaker) Fix the tests that failed last", command: "whetstone.fixLastFailed" },
  { label: "Off and on", kind: vscode.QuickPickItemKind.Separator },
  { label: "$(circle-slash) In this file", command: "whetstone.toggleFile" },
  { label: "$(circle-slash) In this workspace", command: "whetstone.toggleWorkspace" },
  { label: "$(circle-slash) For a rule", command: "whetstone.toggleCode" },
  { label: "Model", kind: vscode.QuickPickItemKind.Separator },
  { label: "$(graph) Browse your choices", command: "whetstone.browsePreferences" },
  { label: "$(sync) Retrain on your choices", command: "whetstone.retrainModel" },
  { label: "$(discard) Roll back to the previous model", command: "whetstone.rollbackModel" },
  { label: "Server", kind: vscode.QuickPickItemKind.Separator },
  { label: "$(output) Show output", command: "whetstone.showOutput" },
  { label: "$(debug-restart) Restart server", command: "whetstone.restartServer" },
];

export class StatusBar implements vscode.Disposable {
  private status: Status | undefined;
  private readonly parts: vscode.Disposable;
  private readonly item = vscode.window.createStatusBarItem(
    "whetstone.status",
    vscode.StatusBarAlignment.Right,
    100,
  );

  constructor(private readonly client: Client) {
    this.item.name = "Whetstone";
    this.item.command = "whetstone.showStatus";
    this.parts = vscode.Disposable.from(
      this.item,
      client.onStatus((status) => {
        this.status = status;
        this.draw();
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        void this.refresh(editor);
      }),
    );
  }

  dispose(): void {
    this.parts.dispose();
  }

  /** The menu; what the server says of the document in front stands at its top. */
  async menu(): Promise<void> {
    await this.refresh(vscode.window.activeTextEditor);
    const status = this.status;
    const said = (status?.detail ?? "").split("\n").filter((line) => line.trim() !== "");
    const heads = said.map((line): Entry => ({ label: `$(info) ${line}` }));
    const about: Entry = { label: "What Whetstone says", kind: vscode.QuickPickItemKind.Separator };
    const chosen = await vscode.window.showQuickPick<Entry>([about, ...heads, ...COMMANDS], {
      title: status?.model ? `Whetstone: model ${status.model}` : "Whetstone",
      placeHolder: status?.text ?? "What do you want to do?",
    });
    if (chosen?.command !== undefined) {
      await vscode.commands.executeCommand(chosen.command);
    }
  }

  private async refresh(editor: vscode.TextEditor | undefined): Promise<void> {
    if (editor !== undefined && this.client.serves(editor.document)) {
      const about = { uri: this.client.uriOf(editor.document) };
      try {
        this.status = (await this.client.ask<Status | null>(SERVER.status, about)) ?? this.status;
      } catch {
        return; // the server is on its way down; what it said last stands
      }
      this.draw();
    }
  }

  private draw(): void {
    if (this.status === undefined) {
      return;
    }
    const { state, detail, model } = this.status;
    this.item.text = statusText(this.status);
    const paragraphs = ["**Whetstone**", ...detail.split("\n"), ...(model ? [`Model: ${model}`] : [])];
    const [head, ...rest] = paragraphs;
    this.item.tooltip = new vscode.MarkdownString([head, ...rest.map(escaped)].join("\n\n"));
    this.item.backgroundColor =
      state === "error" ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    this.item.show();
  }
}
