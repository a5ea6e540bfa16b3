import assert from "node:assert/strict";
import { test } from "node:test";
import { explicitSettings, serverKeys } from "../src/settings";

const packageJson = {
  contributes: {
    configuration: [
      {
        properties: {
          "whetstone.candidates": {},
          "whetstone.test.command": {},
          "whetstone.server.python": {},
          "whetstone.trace.server": {},
          "whetstone.fixHints.enabled": {},
        },
      },
    ],
  },
};

test("the server is not sent what only the client reads", () => {
  assert.deepEqual(serverKeys(packageJson), ["candidates", "test.command"]);
});

test("defaults are not sent, so that whetstone.toml keeps its say", () => {
  const values = new Map<string, object>([
    ["candidates", { key: "candidates", defaultValue: 4 }],
    ["enabled", { key: "enabled", defaultValue: true, workspaceValue: false }],
    ["model", { key: "model", defaultValue: "", globalValue: "own" }],
  ]);
  const settings = {
    inspect: (key: string) => values.get(key),
    get: (key: string) => ({ candidates: 4, enabled: false, model: "own" })[key],
  };
  // The real ones are overloaded; these two answer what is asked here.
  const sent = explicitSettings(settings as Parameters<typeof explicitSettings>[0], [...values.keys()]);
  assert.deepEqual(sent, { enabled: false, model: "own" });
});
