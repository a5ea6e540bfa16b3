// Preview before deciding: the change as a diff with what was proved about it, one candidate at a
// time, to accept or to reject.

import * as vscode from "vscode";
import { Choice, evidenceLine, evidenceLines, originOf } from "./choice";
import type { Client } from "./client";
import { messageOf } from "./environment";
import { type Candidate, type Candidates, SERVER } from "./protocol";
import { editsOf, firstChangedLine, spliced } from "./textEdits";
import { escaped } from "./texts";

export const SCHEME = "whetstone-fix";

/** Where to look for a problem: at a place of a document, or by the key of a prepared fix. */
export type Target = { uri: string; position: vscode.Position } | { uri: string; key: string };

interface Session {
  choice: Choice;
  document: vscode.TextDocument;
  column: vscode.ViewColumn | undefined;
  shown?: { uri: vscode.Uri; text: string; line: number };
}

export class Preview implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private session: Session | undefined;
  private count = 0;
  private readonly parts: vscode.Disposable;
  private readonly mark = vscode.window.createTextEditorDecorationType({
    after: {
      margin: "0 0 0 3em",
      color: new vscode.ThemeColor("charts.green"),
    },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly item = vscode.window.createStatusBarItem(
    "whetstone.preview",
    vscode.StatusBarAlignment.Left,
    1000,
  );

  constructor(
    private readonly client: Client,
    private readonly output: vscode.LogOutputChannel,
  ) {
    this.item.name = "Whetstone: the fix on show";
    this.item.command = "whetstone.acceptFix";
    this.parts = vscode.Disposable.from(
      this.mark,
      this.item,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.tabGroups.onDidChangeTabs(() => {
        this.follow();
      }),
      vscode.window.onDidChangeVisibleTextEditors(() => {
        this.decorate();
      }),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document === this.session?.document && contentChanges.length > 0) {
          void this.close(); // the text that the fix was made for is gone
        }
      }),
    );
  }

  dispose(): void {
    this.parts.dispose();
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return uri.toString() === this.session?.shown?.uri.toString() ? this.session.shown.text : "";
  }

  /** Show the fixes for a problem; without a target, for the one at the cursor. */
  async open(target?: Target): Promise<void> {
    const wanted = target ?? this.atCursor();
    if (wanted === undefined) {
      void vscode.window.showInformationMessage("Whetstone: put the cursor on a problem first.");
      return;
    }
    const answer = await this.asked(() => this.client.ask<Candidates>(SERVER.candidates, wanted));
    if (answer === undefined) {
      return;
    }
    if (answer.candidates.length === 0) {
      await this.nothing(answer);
      return;
    }
    const uri = vscode.Uri.parse(answer.uri);
    const document = await vscode.workspace.openTextDocument(uri);
    const column = vscode.window.activeTextEditor?.viewColumn;
    await this.close();
    this.session = { choice: new Choice(answer), document, column };
    await this.show();
  }

  async move(by: number): Promise<void> {
    this.session?.choice.move(by);
    await this.show();
  }

  async accept(): Promise<void> {
    const { session } = this;
    const candidate = session?.choice.current;
    if (session === undefined || candidate === undefined) {
      return;
    }
    const line = session.shown?.line ?? 0;
    await this.close();
    await vscode.window.showTextDocument(session.document, {
      ...(session.column === undefined ? {} : { viewColumn: session.column }),
      selection: new vscode.Range(line, 0, line, 0),
    });
    const ids = [session.choice.answer.suggestion, candidate.id];
    const done = await this.asked(() =>
      this.client.ask<{ applied: boolean; reason?: string | null }>(SERVER.apply, ...ids),
    );
    if (done !== undefined && !done.applied) {
      const reason = done.reason ?? "the file was changed meanwhile";
      void vscode.window.showWarningMessage(`Whetstone: the fix was not applied: ${reason}`);
    }
  }

  /** Turn the candidate on show down; the next one takes its place. */
  async reject(): Promise<void> {
    const { session } = this;
    const candidate = session?.choice.current;
    if (session === undefined || candidate === undefined) {
      return;
    }
    const ids = [session.choice.answer.suggestion, candidate.id];
    if ((await this.asked(() => this.client.ask<unknown>(SERVER.reject, ...ids))) === undefined) {
      return;
    }
    session.choice.drop();
    await (session.choice.current === undefined ? this.close() : this.show());
  }

  async close(): Promise<void> {
    this.session = undefined;
    await vscode.window.tabGroups.close(previewTabs());
    this.follow();
  }

  private atCursor(): Target | undefined {
    const editor = vscode.window.activeTextEditor;
    return editor && { uri: this.client.uriOf(editor.document), position: editor.selection.active };
  }

  /** What the server answers; undefined after telling the user why there is no answer. */
  private async asked<T>(question: () => Promise<T>): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      this.output.error(messageOf(error));
      void vscode.window.showErrorMessage(`Whetstone: ${messageOf(error)}`);
      return undefined;
    }
  }

  private async nothing(answer: Candidates): Promise<void> {
    const why = answer.reason ?? "no fix could be proved";
    const what = answer.problem ? `${answer.problem}: ${why}` : why;
    const output = "Show Output";
    this.output.info(what);
    if ((await vscode.window.showInformationMessage(`Whetstone: ${what}`, output)) === output) {
      this.output.show();
    }
  }

  private async show(): Promise<void> {
    const { session } = this;
    const candidate = session?.choice.current;
    if (session === undefined || candidate === undefined) {
      return;
    }
    const { document, choice } = session;
    const before = document.getText();
    const edits = editsOf(candidate.edit, choice.answer.uri).map(({ range, newText }) => ({
      start: document.offsetAt(new vscode.Position(range.start.line, range.start.character)),
      end: document.offsetAt(new vscode.Position(range.end.line, range.end.character)),
      newText,
    }));
    const text = spliced(before, edits);
    this.count += 1;
    // A new name each time, because VS Code keeps what it once read; the path gives the language.
    const uri = document.uri.with({ scheme: SCHEME, authority: "", query: String(this.count) });
    session.shown = { uri, text, line: firstChangedLine(before, text) };
    const old = previewTabs();
    const place = choice.place ? ` (${choice.place})` : "";
    const options: vscode.TextDocumentShowOptions = {
      preview: true,
      selection: new vscode.Range(session.shown.line, 0, session.shown.line, 0),
      ...(session.column === undefined ? {} : { viewColumn: session.column }),
    };
    const title = `Whetstone: ${candidate.title.replaceAll("`", "")}${place}`;
    await vscode.commands.executeCommand("vscode.diff", document.uri, uri, title, options);
    await vscode.window.tabGroups.close(old.filter((tab) => modifiedOf(tab) !== uri.toString()));
    this.follow();
  }

  /** Keep the contexts, the status bar and the marks in step with the tab in front. */
  private follow(): void {
    const candidate = this.session?.choice.current;
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    const front = tab !== undefined && modifiedOf(tab) === this.session?.shown?.uri.toString();
    const active = front && candidate !== undefined;
    const others = active && this.session?.choice.hasOthers === true;
    void vscode.commands.executeCommand("setContext", "whetstone.previewActive", active);
    void vscode.commands.executeCommand("setContext", "whetstone.previewHasOthers", others);
    if (active && this.session !== undefined) {
      const { place } = this.session.choice;
      const proved = evidenceLine(candidate.evidence);
      this.item.text = `$(lightbulb-sparkle) Accept fix${place ? ` ${place}` : ""}: ${proved}`;
      this.item.tooltip = this.tooltip(candidate);
      this.item.show();
    } else {
      this.item.hide();
    }
    this.decorate();
  }

  /** What was proved, at the end of the first changed line. */
  private decorate(): void {
    const { session } = this;
    const candidate = session?.choice.current;
    const shown = session?.shown;
    if (candidate === undefined || shown === undefined) {
      return;
    }
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document.uri.toString() === shown.uri.toString()) {
        const end = editor.document.lineAt(Math.min(shown.line, editor.document.lineCount - 1)).range;
        const after = { contentText: evidenceLine(candidate.evidence) };
        const hover = this.tooltip(candidate);
        editor.setDecorations(this.mark, [
          { range: end, hoverMessage: hover, renderOptions: { after } },
        ]);
      }
    }
  }

  private tooltip(candidate: Candidate): vscode.MarkdownString {
    const answer = this.session?.choice.answer;
    const links = [
      "[Accept](command:whetstone.acceptFix)",
      "[Reject](command:whetstone.rejectFix)",
      ...(this.session?.choice.hasOthers === true ? ["[Next](command:whetstone.nextFix)"] : []),
    ];
    const lines = [
      `**${escaped(candidate.title)}**`,
      `for: ${escaped(answer?.problem ?? "")}`,
      `found by ${escaped(originOf(candidate, answer?.model ?? ""))}`,
      ...evidenceLines(candidate.evidence).map((line) => `- ${escaped(line)}`),
      links.join(" · "),
    ];
    const text = new vscode.MarkdownString(lines.join("\n\n"));
    const commands = ["acceptFix", "rejectFix", "nextFix"].map((name) => `whetstone.${name}`);
    text.isTrusted = { enabledCommands: commands };
    return text;
  }
}

function modifiedOf(tab: vscode.Tab): string | undefined {
  const { input } = tab;
  return input instanceof vscode.TabInputTextDiff && input.modified.scheme === SCHEME
    ? input.modified.toString()
    : undefined;
}

function previewTabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter((tab) => modifiedOf(tab) !== undefined);
}
