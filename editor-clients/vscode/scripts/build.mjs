// One bundle of the extension: `node scripts/build.mjs`.
import { rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  // What the oldest supported VS Code (1.90) brings.
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify: true,
  legalComments: "eof",
  logLevel: "warning",
});
