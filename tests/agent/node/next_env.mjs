// SPDX-License-Identifier: GPL-3.0-or-later
// For each line of standard input, {package, folder, variables}: what a server reads of the folder's .env files with that
// package and those variables in its environment. {written} instead: the lines that the example's build.mjs writes.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { written } from '../../../examples/nextjs/build.mjs';

const require = createRequire(import.meta.url);
const own = { ...process.env };

function read({ package: name, folder, variables = {} }) {
  delete require.cache[require.resolve(name)]; // it keeps what it has read
  for (const key of Object.keys(process.env)) delete process.env[key];
  Object.assign(process.env, own, variables);
  require(name).loadEnvConfig(folder, false, console);
  return { ...process.env };
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(question.written ? written(question.written) : read(question)));
}
