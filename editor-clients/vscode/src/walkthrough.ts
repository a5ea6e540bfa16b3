// The walkthrough, offered once.

import * as vscode from "vscode";

const OFFERED = "walkthroughOffered";

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
