// The settings that are sent to the server: what somebody set, never the defaults, so that
// whetstone.toml and the environment keep their say.

import type * as vscode from "vscode";

/** Keys that only this client reads; the server would not know them. */
const CLIENT_KEYS = ["server.", "trace.", "fixHints."];

/** Keys of the server, without the `whetstone.` in front, as package.json declares them. */
export function serverKeys(packageJson: unknown): string[] {
  const { contributes } = packageJson as {
    contributes: { configuration: { properties: Record<string, unknown> }[] };
  };
  return contributes.configuration
    .flatMap((section) => Object.keys(section.properties))
    .map((key) => key.replace(/^whetstone\./, ""))
    .filter((key) => !CLIENT_KEYS.some((prefix) => key.startsWith(prefix)));
}

/** Values by dotted key for what is set anywhere but in the defaults. */
export function explicitSettings(
  settings: Pick<vscode.WorkspaceConfiguration, "get" | "inspect">,
  keys: readonly string[],
): Record<string, unknown> {
  const set = keys.filter((key) => {
    const found = settings.inspect(key);
    const values = [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue];
    return values.some((value) => value !== undefined);
  });
  return Object.fromEntries(set.map((key) => [key, settings.get(key)]));
}
