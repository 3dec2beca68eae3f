// SPDX-License-Identifier: GPL-3.0-or-later
// build.mjs NAME... -- COMMAND...: writes the named variables into .env.production, from where server code reads exactly their values.
// It runs COMMAND without them in the environment, because Next.js would expand `$` in those that it finds there.
import { spawnSync } from 'node:child_process';
import { appendFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Lines for a .env file, from which Next.js reads `variables` as they are, whatever their characters. */
export function written(variables) {
  // Inside '' or `` dotenv takes everything as it is, except the quote itself, a carriage return and a backslash at the end.
  // Those come from helper variables. Their names occur nowhere else, as Next.js replaces the first occurrence.
  const known = Object.entries(variables).flat().join('\n');
  let helper = '_';
  while (known.includes(helper)) helper += '_';
  const pieces = new Map();
  const use = (piece) => {
    if (!pieces.has(piece)) pieces.set(piece, `${helper}${pieces.size}`);
    return `\${${pieces.get(piece)}}`;
  };
  const lines = Object.entries(variables).map(([name, value]) => {
    const quote = value.split("'").length <= value.split('`').length ? "'" : '`';
    const outside = new RegExp(`(?:\\\\*[${quote}\\r])+|\\\\+$`, 'g');
    let body = '', end = 0;
    for (const { 0: piece, index } of value.matchAll(outside)) {
      body += value.slice(end, index).replaceAll('$', '\\$') + use(piece);
      end = index + piece.length;
    }
    return `${name}=${quote}${body}${value.slice(end).replaceAll('$', '\\$')}${quote}\n`;
  });
  // A helper of backslashes alone is not quoted: before a closing quote they would escape it.
  const helpers = [...pieces].map(([piece, name]) => `${name}=${/^\\+$/.test(piece) ? piece : `"${piece.replaceAll('\r', '\\r')}"`}\n`);
  return ['\n', ...helpers, ...lines].join('');
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const end = process.argv.indexOf('--');
  if (end < 0 || end + 1 === process.argv.length) throw new Error('build.mjs NAME... -- COMMAND...');
  const names = process.argv.slice(2, end), [command, ...rest] = process.argv.slice(end + 1);
  const environment = { ...process.env }, variables = {};
  for (const name of names.filter((name) => name in environment)) {
    variables[name] = environment[name];
    delete environment[name];
  }
  appendFileSync('.env.production', written(variables), { mode: 0o600 });
  process.exit(spawnSync(command, rest, { stdio: 'inherit', env: environment }).status ?? 1);
}
