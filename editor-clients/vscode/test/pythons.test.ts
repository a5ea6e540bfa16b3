import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { tmpdir } from "node:os";
import { after, test } from "node:test";
import * as pythons from "../src/pythons";

const scratch = mkdtempSync(join(tmpdir(), "whetstone-pythons-"));
const python = process.env.PYTHON ?? "python3";
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** A wheel that pip installs without a network: it stands for the server. */
function fakeServer(): string {
  const wheel = join(scratch, "whetstone_fix-9.8-py3-none-any.whl");
  const script = `
import sys, zipfile
info = "whetstone_fix-9.8.dist-info/"
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name in ("lsp_server", "whetstone", "pygls"):
        wheel.writestr(name + "/__init__.py", "")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: whetstone-fix\\nVersion: 9.8\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
`;
  execFileSync(python, ["-c", script, wheel]);
  return wheel;
}

test("an environment is made, the server installed into it, and found there", async () => {
  const folder = join(scratch, "environment");
  const lines: string[] = [];
  await pythons.createEnvironment(
    python,
    folder,
    [fakeServer()],
    (line) => lines.push(line),
    new AbortController().signal,
  );
  const found = await pythons.probe(pythons.pythonOf(folder), scratch);
  assert.equal(found?.server, "9.8");
  assert.ok(pythons.isNewEnough(found));
  assert.ok(lines.some((line) => line.includes("Successfully installed")));
});

test("what pip complains of is the message", async () => {
  const folder = join(scratch, "broken");
  const making = pythons.createEnvironment(
    python,
    folder,
    [join(scratch, "missing.whl")],
    () => undefined,
    new AbortController().signal,
  );
  await assert.rejects(making, /missing\.whl/);
});

test("cancelling stops it", async () => {
  const stop = new AbortController();
  const folder = join(scratch, "cancelled");
  const making = pythons.createEnvironment(python, folder, [], () => undefined, stop.signal);
  stop.abort();
  await assert.rejects(making, { name: "AbortError" });
});

test("what is no Python is no error", async () => {
  assert.equal(await pythons.probe(join(scratch, "nothing"), scratch), undefined);
  const liar = join(scratch, "liar");
  writeFileSync(liar, "#!/bin/sh\necho hello\n");
  chmodSync(liar, 0o755);
  assert.equal(await pythons.probe(liar, scratch), undefined);
});

test("Python 3.11 is new enough, 3.10 is not", () => {
  assert.ok(pythons.isNewEnough({ version: [3, 11] }));
  assert.ok(pythons.isNewEnough({ version: [4, 0] }));
  assert.ok(!pythons.isNewEnough({ version: [3, 10] }));
});

test("a folder's neighbour with a longer name is not inside it", () => {
  assert.ok(pythons.isInside(join("/a", "work", ".venv", "bin"), [join("/a", "work")]));
  assert.ok(!pythons.isInside(join("/a", "workshop", "bin"), [join("/a", "work")]));
  assert.ok(!pythons.isInside(join("/a", "work", "..", "bin"), [join("/a", "work")]));
});

test("programs are found in the order of the PATH, each once", () => {
  const [one, two] = [join(scratch, "one"), join(scratch, "two")];
  for (const folder of [one, two]) {
    mkdirSync(folder);
    writeFileSync(join(folder, "tool"), "");
  }
  const path = [two, "", one, two].join(delimiter);
  assert.deepEqual(pythons.onPath(["tool"], path), [join(two, "tool"), join(one, "tool")]);
  assert.ok(existsSync(join(two, "tool")));
});

test("the tool that belongs to a server", () => {
  const [program] = pythons.toolOf({ command: "/opt/bin/whetstone-lsp", args: [], origin: "" }, "prefs");
  assert.equal(program, "/opt/bin/whetstone");
  const own = pythons.serverWith("/opt/bin/python", "");
  assert.deepEqual(pythons.toolOf(own, "prefs"), ["/opt/bin/python", "-P", "-m", "whetstone", "prefs"]);
});
