// The status bar item: what the model is doing, why nothing was offered, and a menu.

import * as vscode from "vscode";
import type { Client } from "./client";
import type { Hints } from "./hints";
import { type PreparedFix, SERVER, type Status } from "./protocol";
import { escaped, statusText } from "./texts";

interface Entry extends vscode.QuickPickItem {
  command?: string;
  argument?: unknown;
}

const COMMANDS: readonly Entry[] = [
  separator("fix"),
  { label: "$(lightbulb-sparkle) Preview the fix at the cursor", command: "whetstone.previewFix" },
  { label: "$(debug-alt) Fix from a traceback", command: "whetstone.fixTraceback" },
  { label: "$(beaker) Fix the tests that failed last", command: "whetstone.fixLastFailed" },
  separator("off and on"),
  { label: "$(circle-slash) Fixes off or on in this file", command: "whetstone.toggleFile" },
  { label: "$(circle-slash) Fixes off or on in this workspace", command: "whetstone.toggleWorkspace" },
  { label: "$(circle-slash) Fixes off or on for a rule", command: "whetstone.toggleCode" },
  separator("model"),
  { label: "$(graph) Browse your choices", command: "whetstone.browsePreferences" },
  { label: "$(sync) Retrain on your choices", command: "whetstone.retrainModel" },
  { label: "$(discard) Roll back to the previous model", command: "whetstone.rollbackModel" },
  separator("server"),
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

  constructor(
    private readonly client: Client,
    private readonly hints: Hints,
  ) {
    this.item.name = "Whetstone";
    this.item.command = "whetstone.showStatus";
    this.parts = vscode.Disposable.from(
      this.item,
      client.onStatus((status) => {
        const editor = vscode.window.activeTextEditor;
        if (editor !== undefined && this.isOfAnother(status, editor.document)) {
          void this.refresh(editor);
        } else {
          this.status = status;
          this.draw();
        }
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
    const { status } = this;
    const entries = [separator("in this file"), ...this.known(), ...COMMANDS];
    const chosen = await vscode.window.showQuickPick(entries, {
      title: status?.model ? `Whetstone: model ${status.model}` : "Whetstone",
      placeHolder: status?.text ?? "What do you want to do?",
      matchOnDescription: true,
    });
    if (chosen?.command !== undefined) {
      await vscode.commands.executeCommand(chosen.command, chosen.argument);
    }
  }

  /** The problems of the file in front; where nothing is known of them, what the server says. */
  private known(): Entry[] {
    const document = vscode.window.activeTextEditor?.document;
    const fixes = document === undefined ? [] : this.hints.of(document);
    if (document !== undefined && fixes.length > 0) {
      const uri = this.client.uriOf(document);
      return fixes.map((fix) => fixEntry(fix, uri));
    }
    const said = (this.status?.detail ?? "").split("\n").filter((line) => line.trim() !== "");
    return (said.length > 0 ? said : ["Nothing to fix"]).map((line) => ({ label: `$(info) ${line}` }));
  }

  /** The server goes on with other documents than the one in front. */
  private isOfAnother({ uri }: Status, document: vscode.TextDocument): boolean {
    return typeof uri === "string" && this.client.serves(document) && this.client.uriOf(document) !== uri;
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

function separator(label: string): Entry {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

/** A problem and what became of it; choosing it previews its fixes, or says why there are none. */
function fixEntry(fix: PreparedFix, uri: string): Entry {
  const line = `line ${fix.range.start.line + 1}`;
  const icons = { ready: "$(lightbulb-sparkle)", none: "$(circle-slash)", preparing: "$(loading~spin)" };
  const whys = { ready: fix.proved, none: fix.reason ?? "", preparing: "being prepared" };
  return {
    label: `${icons[fix.state]} ${fix.title.replaceAll("`", "")}`,
    description: [line, whys[fix.state]].filter((part) => part !== "").join(": "),
    command: "whetstone.previewFix",
    argument: { uri, key: fix.key },
  };
}
