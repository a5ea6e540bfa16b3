// The one owner of the language client: starting, stopping, and talking to the server.

import * as os from "node:os";
import * as vscode from "vscode";
import {
  type ClientCapabilities,
  CloseAction,
  type CloseHandlerResult,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  State,
  type StaticFeature,
} from "vscode-languageclient/node";
import { Crashes } from "./crashes";
import { type Environment, messageOf } from "./environment";
import { FIXES, type PreparedFixes, SERVER, STATUS, type Status } from "./protocol";
import { type Command, toolOf } from "./pythons";
import { explicitSettings, serverKeys } from "./settings";

/** The server writes down what was chosen before it ends. */
const STOP_MS = 5000;

export const UNTRUSTED = "Whetstone: tests are run only in a workspace that you trust.";

/** Shown when the server cannot be reached, in the words of the place that asks. */
export class NotRunningError extends Error {
  constructor() {
    super("Whetstone's server is not running. See its output, or restart it.");
  }
}

export class Client implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private starting: Promise<void> = Promise.resolve();
  private readonly statusChanged = new vscode.EventEmitter<Status>();
  private readonly fixesChanged = new vscode.EventEmitter<PreparedFixes>();
  private readonly started = new vscode.EventEmitter<void>();
  private launched: Command | undefined;
  private readonly disposables = [
    vscode.Disposable.from(this.statusChanged, this.fixesChanged, this.started),
  ];
  readonly onStatus = this.statusChanged.event;
  readonly onFixes = this.fixesChanged.event;
  /** A new server runs, which knows nothing of what was said to the one before. */
  readonly onStart = this.started.event;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly environment: Environment,
    private readonly output: vscode.LogOutputChannel,
  ) {}

  get isRunning(): boolean {
    return this.client?.state === State.Running;
  }

  /** Start, or start anew with what is found now. One at a time, in order. */
  async start(): Promise<void> {
    this.starting = this.starting.catch(() => undefined).then(() => this.restart());
    await this.starting;
  }

  /** Look for the server again when another interpreter was selected, or its settings changed. */
  watch(): void {
    const again = (): void => {
      void this.start();
    };
    this.disposables.push(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("whetstone.server")) {
          again();
        }
      }),
      // More Pythons may be looked at now, and more settings count.
      vscode.workspace.onDidGrantWorkspaceTrust(again),
    );
    void this.environment
      .watch(() => {
        if (!this.isRunning) {
          again();
        }
      })
      .then((watching) => watching && this.disposables.push(watching));
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await vscode.commands.executeCommand("setContext", "whetstone.running", false);
    await client?.dispose(STOP_MS);
  }

  /** Run a command of the server. */
  async ask<T>(command: string, ...args: unknown[]): Promise<T> {
    if (this.client?.state !== State.Running) {
      throw new NotRunningError();
    }
    const params = { command, arguments: args };
    return (await this.client.sendRequest(ExecuteCommandRequest.type, params)) as T;
  }

  /** The command line of `whetstone` that belongs to the server. */
  commandLine(...args: string[]): string[] {
    if (this.launched === undefined) {
      throw new NotRunningError();
    }
    return toolOf(this.launched, ...args);
  }

  /** Is this a document that the running server has? */
  serves(document: vscode.TextDocument): boolean {
    return this.isRunning && vscode.languages.match(selector(), document) > 0;
  }

  /** The document as the server names it. */
  uriOf(document: vscode.TextDocument): string {
    return this.client?.code2ProtocolConverter.asUri(document.uri) ?? document.uri.toString();
  }

  dispose(): void {
    for (const each of this.disposables) {
      each.dispose();
    }
  }

  private async restart(): Promise<void> {
    await this.stop();
    this.statusChanged.fire(ownStatus("loading", "starting", "The server is being started."));
    const command = await this.environment.find();
    if (command === undefined) {
      const detail = "Whetstone's server is not installed in a Python that was looked at.";
      this.statusChanged.fire(ownStatus("error", "no server", detail));
      void this.environment.offer().then((done) => (done ? this.start() : undefined));
      return;
    }
    await this.launch(command);
  }

  private async launch(command: Command): Promise<void> {
    this.output.info(`starting ${[command.command, ...command.args].join(" ")} (${command.origin})`);
    // A folder that no workspace can put modules into.
    const server = { command: command.command, args: command.args, options: { cwd: os.homedir() } };
    const client = new LanguageClient("whetstone", "Whetstone", server, this.options());
    client.registerFeature(capabilities);
    client.onNotification(STATUS, (status: Status) => {
      this.statusChanged.fire(status);
    });
    client.onNotification(FIXES, (fixes: PreparedFixes) => {
      this.fixesChanged.fire(fixes);
    });
    client.onDidChangeState(({ newState }) => {
      const running = newState === State.Running;
      void vscode.commands.executeCommand("setContext", "whetstone.running", running);
      if (running) {
        this.launched = command;
        this.started.fire();
        this.statusChanged.fire(ownStatus("idle", "Whetstone", "Nothing to fix has been seen yet."));
      }
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.client = undefined;
      await this.notStarted(command, error);
      return;
    }
  }

  /** The server has ended, and nobody told it to. */
  private ended(crashes: Crashes): CloseHandlerResult {
    if (crashes.again(Date.now())) {
      this.output.warn("the server ended by itself; it is started again");
      this.statusChanged.fire(ownStatus("loading", "restarting", "The server ended by itself."));
      return { action: CloseAction.Restart, handled: true };
    }
    const detail = "Whetstone's server ended by itself several times and is not started again.";
    this.output.error(detail);
    this.statusChanged.fire(ownStatus("error", "server ended", detail));
    void this.afterTrouble(detail, "Restart");
    return { action: CloseAction.DoNotRestart, handled: true };
  }

  private async notStarted(command: Command, error: unknown): Promise<void> {
    const detail = `${command.command} (${command.origin}) did not start: ${messageOf(error)}`;
    this.output.error(detail);
    this.statusChanged.fire(ownStatus("error", "not started", detail));
    await vscode.commands.executeCommand("setContext", "whetstone.running", false);
    void this.afterTrouble(`Whetstone: ${detail}`, "Install the Server", "Open Settings");
  }

  /** Tell what went wrong, with ways on. */
  private async afterTrouble(message: string, ...ways: string[]): Promise<void> {
    const answer = await vscode.window.showErrorMessage(message, ...ways, "Show Output");
    if (answer === "Show Output") {
      this.output.show();
    } else if (answer === "Open Settings") {
      await vscode.commands.executeCommand("workbench.action.openSettings", "whetstone.server");
    } else if (answer === "Restart" || (answer !== undefined && (await this.environment.install()))) {
      await this.start();
    }
  }

  private options(): LanguageClientOptions {
    const keys = serverKeys(this.context.extension.packageJSON);
    const crashes = new Crashes();
    return {
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => this.ended(crashes),
      },
      // Else the error of a server that ends at its first request is shown as it is, to nobody's use.
      initializationFailedHandler: (error) => {
        this.output.error(`the server did not answer its first request: ${messageOf(error)}`);
        return false;
      },
      documentSelector: selector(),
      outputChannel: this.output,
      traceOutputChannel: this.output,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware: {
        workspace: {
          configuration: (params) =>
            params.items.map((item) =>
              item.section === "whetstone"
                ? sent(item.scopeUri, keys)
                : null,
            ),
        },
        executeCommand: async (command, args, next) => {
          if (command === SERVER.test && !vscode.workspace.isTrusted) {
            void vscode.window.showInformationMessage(UNTRUSTED);
            return null;
          }
          return (await next(command, args)) as unknown;
        },
      },
    };
  }
}

/** What is set for one folder, or without one; nothing runs before the workspace is trusted. */
function sent(scope: string | undefined, keys: readonly string[]): Record<string, unknown> {
  const resource = scope === undefined ? undefined : vscode.Uri.parse(scope);
  const set = explicitSettings(vscode.workspace.getConfiguration("whetstone", resource), keys);
  return vscode.workspace.isTrusted ? set : { ...set, "test.consent": false };
}

/** Python files, drafts, and the files of virtual workspaces; no cells of notebooks, no diffs. */
function selector(): { language: string; scheme: string }[] {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const schemes = new Set(["file", "untitled", ...folders.map((folder) => folder.uri.scheme)]);
  return [...schemes].map((scheme) => ({ language: "python", scheme }));
}

function ownStatus(state: Status["state"], text: string, detail: string): Status {
  return { state, text, detail, model: "" };
}

/** Tells the server which of its own messages are understood. */
const capabilities: StaticFeature = {
  fillClientCapabilities(all: ClientCapabilities): void {
    const ours = { status: true, fixes: true, preview: true };
    all.experimental = { ...(all.experimental as object | undefined), whetstone: ours };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};
