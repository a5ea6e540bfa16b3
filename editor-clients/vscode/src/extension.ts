// What VS Code calls. Everything is done by the parts; this puts them together.

import * as vscode from "vscode";
import { Client } from "./client";
import { Environment, messageOf } from "./environment";
import { Hints } from "./hints";
import { Preview, type Target } from "./preview";
import { Choices, retrainModel, rollbackModel } from "./retrain";
import { StatusBar } from "./statusBar";
import { Toggles } from "./toggles";
import { fixLastFailed, fixTraceback } from "./traceback";
import { offerOnce, openWalkthrough, tickWhenRunning } from "./walkthrough";

let client: Client | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const output = vscode.window.createOutputChannel("Whetstone", { log: true });
  const environment = new Environment(context, output);
  const started = new Client(context, environment, output);
  client = started;
  const hints = new Hints(started);
  const status = new StatusBar(started, hints);
  const preview = new Preview(started, output);
  const toggles = new Toggles(started);
  const choices = new Choices(started, output);
  context.subscriptions.push(output, started, status, preview, hints, choices);

  const register = (name: string, run: (argument?: unknown) => unknown): void => {
    const guarded = async (argument?: unknown): Promise<void> => {
      try {
        await run(argument);
      } catch (error) {
        output.error(`${name}: ${messageOf(error)}`);
        void vscode.window.showErrorMessage(`Whetstone: ${messageOf(error)}`);
      }
    };
    context.subscriptions.push(vscode.commands.registerCommand(`whetstone.${name}`, guarded));
  };
  register("previewFix", (target) => preview.open(isTarget(target) ? target : undefined));
  register("acceptFix", () => preview.accept());
  register("rejectFix", () => preview.reject());
  register("nextFix", () => preview.move(1));
  register("previousFix", () => preview.move(-1));
  register("closePreview", () => preview.close());
  register("fixTraceback", () => fixTraceback(started));
  register("fixLastFailed", () => fixLastFailed(started));
  register("retrainModel", () => retrainModel(started));
  register("rollbackModel", () => rollbackModel(started));
  register("browsePreferences", () => choices.browse());
  register("toggleFile", () => toggles.file());
  register("toggleWorkspace", () => toggles.workspace());
  register("toggleCode", () => toggles.code());
  register("showStatus", () => status.menu());
  register("showOutput", () => {
    output.show();
  });
  register("restartServer", () => started.start());
  register("installServer", async () => {
    if (await environment.install()) {
      await started.start();
    }
  });
  register("openWalkthrough", () => openWalkthrough(context));

  context.subscriptions.push(started.onStart(() => void offerOnce(context)));
  context.subscriptions.push(tickWhenRunning(started));
  started.watch();
  void started.start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

/** Editor menus pass the document's URI to a command; only ours name a place in it. */
function isTarget(value: unknown): value is Target {
  return typeof value === "object" && value !== null && "uri" in value && "key" in value;
}
