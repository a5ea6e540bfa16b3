// The walkthrough, offered once.

import * as vscode from "vscode";
import type { Client } from "./client";

const OFFERED = "walkthroughOffered";
/** After the walkthrough came to the front; VS Code may need five seconds to know its steps. */
const TELL_AFTER_MS = [0, 1000, 6000];

export async function openWalkthrough(context: vscode.ExtensionContext): Promise<void> {
  const id = `${context.extension.id}#start`;
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", id, false);
}

/** When the server runs for the first time of all; before that, there is something else to ask. */
export async function offerOnce(context: vscode.ExtensionContext): Promise<void> {
  if (context.globalState.get(OFFERED) === true) {
    return;
  }
  await context.globalState.update(OFFERED, true);
  const tour = "Show Me Around";
  const text = "Whetstone is here: it finds Python problems and offers fixes that it has proved.";
  if ((await vscode.window.showInformationMessage(text, tour, "Not Now")) === tour) {
    await openWalkthrough(context);
  }
}

/**
 * Tick the step "Start the server" when it runs. VS Code ticks a step when its context becomes true
 * while the walkthrough is known to it, which it is only from the first page on that it shows. What
 * was true before counts for nothing, so it is said anew.
 */
export function tickWhenRunning(client: Client): vscode.Disposable {
  const tell = async (): Promise<void> => {
    for (const value of client.isRunning ? [true, false] : []) {
      await vscode.commands.executeCommand("setContext", "whetstone.serverSeen", value);
    }
  };
  return vscode.Disposable.from(
    client.onStart(() => void tell()),
    vscode.window.tabGroups.onDidChangeTabs(({ opened, changed }) => {
      // Pages of VS Code's own are the tabs that tell nothing of what they show.
      if ([...opened, ...changed].some((tab) => tab.isActive && tab.input === undefined)) {
        for (const delay of TELL_AFTER_MS) {
          setTimeout(() => void tell(), delay);
        }
      }
    }),
  );
}
