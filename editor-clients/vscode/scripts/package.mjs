// The extension as one file: `npm run package` writes dist/whetstone.vsix.
//
// It brings the server as a wheel, with the versions it was tested with, so that "Install Server"
// installs exactly what this extension was built with.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve("..", "..");
// What setup reads of the repository, and no folder of an earlier build.
const sources = [
  "whetstone", "lsp_server", "trainer", "export", "pyproject.toml", "README.md", "LICENSE",
];
const out = join("dist", "whetstone.vsix");

execFileSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
rmSync("server", { recursive: true, force: true });
mkdirSync("server");
const scratch = mkdtempSync(join(tmpdir(), "whetstone-wheel-"));
try {
  for (const name of sources) {
    const filter = (path) => !path.includes("__pycache__");
    cpSync(join(root, name), join(scratch, name), { recursive: true, filter });
  }
  const wheel = ["-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"];
  execFileSync(python(), [...wheel, "--wheel-dir", "server", scratch], { stdio: "inherit" });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
cpSync(join(root, "constraints.txt"), join("server", "constraints.txt"));
const vsce = join("node_modules", "@vscode", "vsce", "vsce");
const options = ["--no-dependencies", "--no-rewrite-relative-links", "--skip-license", "--out", out];
execFileSync(process.execPath, [vsce, "package", ...options], { stdio: ["ignore", "ignore", "inherit"] });
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
console.log(`${out}: version ${version}, ${(statSync(out).size / 1e6).toFixed(1)} MB`);

/** $PYTHON, the checkout's own environment, or the one on the PATH; 3.11 or newer. */
function python() {
  const own = join(root, ".venv", process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  return process.env.PYTHON ?? (existsSync(own) ? own : "python3");
}
