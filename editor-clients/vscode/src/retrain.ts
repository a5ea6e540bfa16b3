// The model: retraining it, going back to the one before, and looking at what it learns from.

import { type ChildProcess, spawn } from "node:child_process";
import { homedir } from "node:os";
import * as vscode from "vscode";
import type { Client } from "./client";
import { SERVER } from "./protocol";
import { addressIn } from "./texts";

/** The server shows progress, the result and the way back by itself. */
export async function retrainModel(client: Client): Promise<void> {
  const answer = await client.ask<{ started: boolean; reason?: string | null }>(SERVER.retrain);
  if (!answer.started) {
    const why = answer.reason ?? "the server did not say why";
    void vscode.window.showInformationMessage(`Whetstone: no training was started: ${why}`);
  }
}

export async function rollbackModel(client: Client): Promise<void> {
  const answer = await client.ask<{ model?: string; previous?: string; reason?: string | null }>(
    SERVER.rollback,
  );
  const done =
    answer.model === undefined
      ? (answer.reason ?? "there is no model to go back to")
      : `${answer.model} is served again, in place of ${answer.previous ?? "the newest"}`;
  void vscode.window.showInformationMessage(`Whetstone: ${done}`);
}

/** Looking at what was chosen: in short, and the whole of it in a browser. */
export class Choices implements vscode.Disposable {
  private serving: ChildProcess | undefined;
  private address: Promise<string> | undefined;

  constructor(
    private readonly client: Client,
    private readonly output: vscode.LogOutputChannel,
  ) {}

  dispose(): void {
    this.serving?.kill();
  }

  async browse(): Promise<void> {
    const { text } = await this.client.ask<{ text: string }>(SERVER.preferences);
    const browse = "Open in Browser";
    if ((await vscode.window.showInformationMessage(text, { modal: true }, browse)) === browse) {
      this.address ??= this.serve().catch((error: unknown) => {
        this.address = undefined;
        throw error;
      });
      // From a remote machine, VS Code forwards the port.
      await vscode.env.openExternal(vscode.Uri.parse(await this.address));
    }
  }

  /** Start `whetstone prefs browse`, which serves until VS Code ends; the address it is at. */
  private async serve(): Promise<string> {
    const [command = "", ...args] = this.client.commandLine("prefs", "browse", "--no-open");
    const process = spawn(command, args, { cwd: homedir() });
    this.serving = process;
    let said = "";
    return await new Promise((resolve, reject) => {
      const listen = (data: Buffer): void => {
        said += data.toString();
        const found = addressIn(said);
        if (found !== undefined) {
          resolve(found);
        }
      };
      process.stdout.on("data", listen);
      process.stderr.on("data", listen);
      process.on("error", reject);
      process.on("close", () => {
        this.address = undefined;
        this.output.info(`prefs browse ended: ${addressIn(said) === undefined ? said.trim() : "closed"}`);
        reject(new Error(said.trim() || "whetstone prefs browse ended without a word"));
      });
    });
  }
}
