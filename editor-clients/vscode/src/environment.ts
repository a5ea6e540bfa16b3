// Which Python runs the server: a setting, the active interpreter, one that has Whetstone already,
// or an environment of our own, made when the user says so.

import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import {
  type Command,
  type Probe,
  OLDEST,
  createEnvironment,
  isInside,
  isNewEnough,
  onPath,
  probe,
  pythonOf,
  serverWith,
} from "./pythons";

const NAMES = ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"];
const NEEDED = OLDEST.join(".");
const ACTIVATION_MS = 10_000;

/** The part of the Python extension's interface that is used. */
interface PythonExtension {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(
      environment: { path: string },
    ): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

interface Place {
  python: string;
  origin: string;
}

export class Environment {
  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly output: vscode.LogOutputChannel,
  ) {}

  /** The command that starts the server; undefined when no Python with Whetstone is found. */
  async find(): Promise<Command | undefined> {
    const settings = vscode.workspace.getConfiguration("whetstone.server");
    const [command, ...args] = settings.get<string[]>("command", []);
    if (command) {
      return { command: untildified(command), args, origin: "setting whetstone.server.command" };
    }
    const python = settings.get<string>("python", "");
    if (python) {
      // Not looked at first: when it does not work, the user wants to hear of this one.
      return serverWith(untildified(python), "setting whetstone.server.python");
    }
    return await this.search();
  }

  /** Call `changed` when the user selects another interpreter in the Python extension. */
  async watch(changed: () => void): Promise<vscode.Disposable | undefined> {
    const python = await pythonExtension();
    return python?.environments.onDidChangeActiveEnvironmentPath(changed);
  }

  /** Say that there is no server, and offer what can be done. True when there is one now. */
  async offer(): Promise<boolean> {
    const [install, choose, output] = ["Install It", "Choose a Python…", "Show Output"];
    const answer = await vscode.window.showInformationMessage(
      "Whetstone's server was not found in any Python that was looked at. It can be installed " +
        "into an environment of its own, apart from your projects.",
      install,
      choose,
      output,
    );
    if (answer === output) {
      this.output.show();
    }
    return answer === install
      ? await this.install()
      : answer === choose && (await this.choose());
  }

  /** Make an environment of our own with the server that this extension brings. */
  async install(base?: string): Promise<boolean> {
    const python = base ?? (await this.baseForInstall());
    if (python === undefined) {
      return await this.failed(
        `Python ${NEEDED} or newer is needed to install Whetstone's server, and none was found.`,
      );
    }
    const wheel = await this.wheel();
    if (wheel === undefined) {
      return await this.failed(
        "This copy of the extension brings no server: build it with `npm run package`, or set " +
          "whetstone.server.python to a Python that has Whetstone.",
      );
    }
    this.output.show(true);
    const title = "Whetstone: installing the server (llama.cpp is compiled, which takes minutes)";
    try {
      await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title, cancellable: true },
        async (progress, token) => {
          const stop = new AbortController();
          token.onCancellationRequested(() => {
            stop.abort();
          });
          const log = (line: string): void => {
            this.output.info(line);
            progress.report({ message: line.trim().slice(0, 60) });
          };
          await createEnvironment(python, this.folder, wheel, log, stop.signal);
        },
      );
    } catch (error) {
      return await this.failed(`Whetstone's server could not be installed: ${messageOf(error)}`);
    }
    if ((await this.usable({ python: pythonOf(this.folder), origin: "new" })) === undefined) {
      return await this.failed("Whetstone's server was installed, but it cannot be started.");
    }
    return true;
  }

  private get folder(): string {
    return path.join(this.context.globalStorageUri.fsPath, "server");
  }

  private async search(): Promise<Command | undefined> {
    for await (const place of this.places()) {
      if (await this.usable(place)) {
        return serverWith(place.python, place.origin);
      }
    }
    // An installation by pipx or uv has the program on the PATH, and a Python that nobody sees.
    const [program] = this.allowed(onPath(["whetstone-lsp"]));
    return program ? { command: program, args: [], origin: "whetstone-lsp on the PATH" } : undefined;
  }

  private async *places(): AsyncGenerator<Place> {
    const active = await activeInterpreter();
    if (active !== undefined && this.allowed([active]).length > 0) {
      yield { python: active, origin: "active interpreter" };
    }
    const folders = workspaceFolders().flatMap((folder) =>
      [".venv", "venv"].map((name) => pythonOf(path.join(folder, name))),
    );
    for (const python of this.allowed(folders)) {
      yield { python, origin: "environment of the workspace" };
    }
    for (const python of this.allowed(onPath(NAMES))) {
      yield { python, origin: "PATH" };
    }
    yield { python: pythonOf(this.folder), origin: "installed by this extension" };
  }

  /** Nothing that a workspace brings is started before the user trusts it. */
  private allowed(paths: readonly string[]): string[] {
    const folders = vscode.workspace.isTrusted ? [] : workspaceFolders();
    return paths.filter((each) => !isInside(each, folders));
  }

  private async usable(place: Place): Promise<Probe | undefined> {
    const found = await probe(place.python, this.context.extensionPath);
    const say = (why: string): void => {
      this.output.info(`${place.python} (${place.origin}): ${why}`);
    };
    if (found === undefined) {
      say("no Python there");
    } else if (!isNewEnough(found)) {
      say(`Python ${found.version.join(".")}, and ${NEEDED} is needed`);
    } else if (found.server === undefined) {
      say("Whetstone is not installed there");
    } else {
      say(`Whetstone ${found.server}`);
      return found;
    }
    return undefined;
  }

  private async baseForInstall(): Promise<string | undefined> {
    for (const python of this.allowed(onPath([...NAMES].reverse()))) {
      const found = await probe(python, this.context.extensionPath);
      if (found !== undefined && isNewEnough(found)) {
        return python;
      }
    }
    return undefined;
  }

  /** What pip is told to install: the wheel in this extension, with the versions it was tested with. */
  private async wheel(): Promise<string[] | undefined> {
    const folder = vscode.Uri.joinPath(this.context.extensionUri, "server");
    try {
      const names = (await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name);
      const wheel = names.find((name) => name.endsWith(".whl"));
      const constraints = path.join(folder.fsPath, "constraints.txt");
      return wheel === undefined
        ? undefined
        : ["--constraint", constraints, path.join(folder.fsPath, wheel)];
    } catch {
      return undefined;
    }
  }

  private async choose(): Promise<boolean> {
    const chosen = await vscode.window.showOpenDialog({
      title: `Python ${NEEDED} or newer`,
      openLabel: "Use This Python",
    });
    const file = chosen?.[0]?.fsPath;
    if (file === undefined) {
      return false;
    }
    const found = await probe(file, this.context.extensionPath);
    if (found === undefined || !isNewEnough(found)) {
      return await this.failed(`${file} is no Python ${NEEDED} or newer.`);
    }
    if (found.server === undefined) {
      return await this.install(file);
    }
    const settings = vscode.workspace.getConfiguration("whetstone.server");
    await settings.update("python", file, vscode.ConfigurationTarget.Global);
    return true;
  }

  /** Tell what went wrong, with ways on. */
  private async failed(message: string): Promise<boolean> {
    this.output.error(message);
    const [choose, output, settings] = ["Choose a Python…", "Show Output", "Open Settings"];
    const answer = await vscode.window.showErrorMessage(message, choose, output, settings);
    if (answer === output) {
      this.output.show();
    } else if (answer === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "whetstone.server");
    }
    return answer === choose && (await this.choose());
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function workspaceFolders(): string[] {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.filter((each) => each.uri.scheme === "file").map((each) => each.uri.fsPath);
}

function untildified(file: string): string {
  return file.replace(/^~(?=$|[\\/])/, os.homedir());
}

async function pythonExtension(): Promise<PythonExtension | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  if (extension === undefined) {
    return undefined;
  }
  const late = new Promise<undefined>((done) => setTimeout(done, ACTIVATION_MS, undefined));
  return await Promise.race([extension.activate(), late]);
}

async function activeInterpreter(): Promise<string | undefined> {
  try {
    const environments = (await pythonExtension())?.environments;
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const active = environments?.getActiveEnvironmentPath(folder);
    const resolved = active && (await environments?.resolveEnvironment(active));
    return resolved?.executable.uri?.fsPath;
  } catch {
    return undefined; // a Python extension that is broken is no reason to do without the others
  }
}
