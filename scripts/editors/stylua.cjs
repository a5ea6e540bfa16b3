// stylua.cjs LIBRARY [--check] FILE...: StyLua's WebAssembly build, with the options of the nearest
// .stylua.toml. With --check nothing is written, and the status is 1 when a file is not formatted.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const [library, ...words] = process.argv.slice(2);
const stylua = require(library);
const check = words.includes('--check');

/** Options as text by key; the file is flat and holds numbers and quoted words. */
function options(file) {
  for (let folder = path.dirname(path.resolve(file)); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, '.stylua.toml');
    if (fs.existsSync(candidate)) {
      const lines = fs.readFileSync(candidate, 'utf8').split('\n');
      return lines.map((line) => line.match(/^(\w+) = "?(\w+)"?$/)).filter(Boolean);
    }
    if (folder === path.dirname(folder)) return [];
  }
}

function config(file) {
  const made = stylua.Config.new();
  const enums = {
    indent_type: stylua.IndentType,
    quote_style: stylua.QuoteStyle,
    syntax: stylua.LuaVersion,
  };
  for (const [, key, value] of options(file)) {
    const chosen = key in enums ? enums[key][value] : Number(value);
    if (!(key in made) || chosen === undefined || Number.isNaN(chosen)) {
      throw new Error(`.stylua.toml: ${key} = ${value} is not understood here`);
    }
    made[key] = chosen;
  }
  return made;
}

let unformatted = 0;
for (const file of words.filter((word) => word !== '--check')) {
  const before = fs.readFileSync(file, 'utf8');
  const verify = stylua.OutputVerification.Full;
  const after = stylua.formatCode(before, config(file), undefined, verify);
  if (after === before) continue;
  unformatted += 1;
  if (check) console.log(`${file}: not formatted as StyLua does`);
  else fs.writeFileSync(file, after);
}
process.exitCode = check && unformatted > 0 ? 1 : 0;
