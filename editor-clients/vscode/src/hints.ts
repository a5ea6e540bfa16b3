// A quiet mark at the end of a line whose fix is ready, and a light bulb entry that previews it.

import * as vscode from "vscode";
import type { Client } from "./client";
import type { PreparedFix, PreparedFixes } from "./protocol";
import { escaped, hintText } from "./texts";

export class Hints implements vscode.Disposable, vscode.CodeActionProvider {
  private readonly known = new Map<string, PreparedFixes>();
  private readonly parts: vscode.Disposable;
  private readonly mark = vscode.window.createTextEditorDecorationType({
    after: {
      margin: "0 0 0 2em",
      color: new vscode.ThemeColor("editorCodeLens.foreground"),
      fontStyle: "italic",
    },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
  });

  constructor(private readonly client: Client) {
    const redraw = (): void => {
      this.draw();
    };
    this.parts = vscode.Disposable.from(
      this.mark,
      client.onFixes((fixes) => {
        this.known.set(fixes.uri, fixes);
        this.draw();
      }),
      client.onStatus((status) => {
        if (status.state === "error" || status.state === "off") {
          this.known.clear();
          this.draw();
        }
      }),
      vscode.window.onDidChangeVisibleTextEditors(redraw),
      vscode.workspace.onDidChangeTextDocument(redraw),
      vscode.workspace.onDidCloseTextDocument((document) => {
        this.known.delete(client.uriOf(document));
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("whetstone.fixHints")) {
          this.draw();
        }
      }),
      vscode.languages.registerCodeActionsProvider("python", this, {
        providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
      }),
    );
  }

  dispose(): void {
    this.parts.dispose();
  }

  /** Fixes for the text as it is now. */
  of(document: vscode.TextDocument): PreparedFix[] {
    const known = this.known.get(this.client.uriOf(document));
    return known?.version === document.version ? known.fixes : [];
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    return this.of(document)
      .filter((fix) => fix.state === "ready" && linesMeet(fix, range))
      .map((fix) => {
        const title = `Whetstone: preview ${fix.candidates > 1 ? "the fixes" : "the fix"} for ${fix.code}`;
        const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
        const target = { uri: this.client.uriOf(document), key: fix.key };
        action.command = { command: "whetstone.previewFix", title, arguments: [target] };
        return action;
      });
  }

  private draw(): void {
    const shown = vscode.workspace.getConfiguration("whetstone").get<boolean>("fixHints.enabled", true);
    for (const editor of vscode.window.visibleTextEditors) {
      // The sides of a diff stand in no column of their own, and say enough without marks.
      if (editor.viewColumn === undefined) {
        editor.setDecorations(this.mark, []);
      } else if (this.client.serves(editor.document)) {
        const ready = this.of(editor.document).filter((fix) => fix.state === "ready");
        const first = new Map(ready.reverse().map((fix) => [fix.range.start.line, fix]));
        const marks = [...first.values()].map((fix) => this.markOf(editor.document, fix));
        editor.setDecorations(this.mark, shown ? marks : []);
      }
    }
  }

  private markOf(document: vscode.TextDocument, fix: PreparedFix): vscode.DecorationOptions {
    const argument = encodeURIComponent(
      JSON.stringify([{ uri: this.client.uriOf(document), key: fix.key }]),
    );
    const more = fix.candidates > 1 ? `\n\n${fix.candidates} fixes to choose from` : "";
    const hover = new vscode.MarkdownString(
      `**Whetstone**: ${escaped(fix.title)}\n\nproved: ${escaped(fix.proved)}${more}\n\n` +
        `[Preview](command:whetstone.previewFix?${argument})`,
    );
    hover.isTrusted = { enabledCommands: ["whetstone.previewFix"] };
    const line = document.lineAt(Math.min(fix.range.start.line, document.lineCount - 1));
    return {
      range: new vscode.Range(line.range.end, line.range.end),
      hoverMessage: hover,
      renderOptions: { after: { contentText: hintText(fix) } },
    };
  }
}

function linesMeet(fix: PreparedFix, range: vscode.Range): boolean {
  return fix.range.start.line <= range.end.line && range.start.line <= fix.range.end.line;
}
