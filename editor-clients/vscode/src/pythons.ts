// Looking at Python interpreters, and making an environment. Without VS Code: tested for real.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join, parse, resolve, sep } from "node:path";

/** How the server is started. */
export interface Command {
  command: string;
  args: string[];
  /** Where it came from, for the output channel. */
  origin: string;
}

/** What one interpreter is, as it says itself. */
export interface Probe {
  version: [number, number];
  /** Version of Whetstone that it has; empty when it has one of unknown version. */
  server?: string;
}

export const OLDEST: [number, number] = [3, 11];
const PROBE_MS = 60_000; // a busy machine takes a while for what is done in 0.1 s else
const WINDOWS = process.platform === "win32";
// Whetstone reads text only: leaving the image parts of llama.cpp out saves minutes of compiling. And
// compiled by GCC, its code for AMX ends the process (llama.cpp's pull request 26954).
const CMAKE_ARGS = [
  "-DLLAVA_BUILD=OFF",
  ...(WINDOWS ? [] : ["-DCMAKE_C_FLAGS=-U__AMX_INT8__", "-DCMAKE_CXX_FLAGS=-U__AMX_INT8__"]),
].join(" ");
// Without the current folder on the path: a workspace may hold a folder called lsp_server.
const SERVER = ["-P", "-m", "lsp_server"];
const QUESTION = `
import json, sys
import importlib.metadata as metadata, importlib.util as util
answer = {"version": sys.version_info[:2]}
if all(util.find_spec(name) for name in ("lsp_server", "whetstone", "pygls")):
    try:
        answer["server"] = metadata.version("whetstone-fix")
    except metadata.PackageNotFoundError:
        answer["server"] = ""
print(json.dumps(answer))
`;

export type Log = (line: string) => void;

/** The command that runs the server with an interpreter. */
export function serverWith(python: string, origin: string): Command {
  return { command: python, args: SERVER, origin };
}

/** The command line of `whetstone` that belongs to a server. */
export function toolOf(server: Command, ...args: string[]): string[] {
  const module = server.args.indexOf("lsp_server");
  if (module > 0 && server.args[module - 1] === "-m") {
    return [server.command, ...server.args.slice(0, module), "whetstone", ...args];
  }
  const { dir, base } = parse(server.command);
  return [join(dir, base.startsWith("whetstone-lsp") ? base.replace("-lsp", "") : "whetstone"), ...args];
}

/** The interpreter inside a virtual environment. */
export function pythonOf(environment: string): string {
  return WINDOWS ? join(environment, "Scripts", "python.exe") : join(environment, "bin", "python");
}

/** `path` lies in one of `folders`: what a workspace that is not trusted must not start. */
export function isInside(path: string, folders: readonly string[]): boolean {
  const whole = resolve(path);
  return folders.some((folder) => (whole + sep).startsWith(resolve(folder) + sep));
}

/** Every executable of one of these names on the PATH, in its order, each once. */
export function onPath(names: readonly string[], path = process.env.PATH ?? ""): string[] {
  const suffix = WINDOWS ? ".exe" : "";
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  const found = folders.flatMap((folder) => names.map((name) => join(folder, name + suffix)));
  return [...new Set(found)].filter((file) => existsSync(file));
}

/** What `python` is, or undefined when it cannot be run. `folder` is where it runs. */
export async function probe(python: string, folder: string): Promise<Probe | undefined> {
  try {
    const output = await run(python, ["-c", QUESTION], { cwd: folder, timeoutMs: PROBE_MS });
    return JSON.parse(output) as Probe;
  } catch {
    return undefined;
  }
}

export function isNewEnough(found: Probe): boolean {
  const [major, minor] = found.version;
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/**
 * A virtual environment in `folder` with what `packages` names, as pip's arguments.
 *
 * Rejects with a message for the user; what pip printed went to `log`.
 */
export async function createEnvironment(
  base: string,
  folder: string,
  packages: readonly string[],
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const options = { cwd: undefined, log, signal };
  log(`> ${base} -m venv ${folder}`);
  await run(base, ["-m", "venv", "--clear", folder], options);
  const pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", ...packages];
  log(`> ${pythonOf(folder)} ${pip.join(" ")}`);
  const env = { ...process.env, CMAKE_ARGS: process.env.CMAKE_ARGS ?? CMAKE_ARGS };
  await run(pythonOf(folder), pip, { ...options, env });
}

interface RunOptions {
  cwd?: string | undefined;
  env?: NodeJS.ProcessEnv;
  log?: Log;
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** Standard output of a program that ends well; never through a shell. */
function run(program: string, args: string[], options: RunOptions): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      signal: options.signal,
      timeout: options.timeoutMs,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    });
    let output = "";
    let complaint = "";
    const take = (chunk: string): void => {
      for (const line of chunk.split(/\r?\n/).filter((text) => text.trim() !== "")) {
        // The last line of pip is often advice; the first complaint says what is wrong.
        complaint ||= /^\s*(error|\w*Error)\b/i.test(line) ? line.trim() : "";
        options.log?.(line);
      }
    };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      take(chunk);
    });
    child.stderr.setEncoding("utf8").on("data", take);
    child.on("error", (error) => {
      fail(error);
    });
    child.on("close", (code) => {
      if (code === 0) {
        done(output);
      } else {
        fail(new Error(complaint || `${program} ended with status ${code ?? "unknown"}`));
      }
    });
  });
}
