import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Suspects, suspectsIn } from './suspects.ts';

const rows: [name: string, source: string, found: Partial<Suspects>][] = [
  ['plain code', 'export const f = (a) => a + 1;', {}],
  ['eval', 'export const f = (t) => eval(t);', { dynamic: ['eval'] }],
  ['Function called and constructed', 'Function("1"); new Function("2");', { dynamic: ['Function'] }],
  ['a computed import', 'export const f = (n) => import(n);', { dynamic: ['import() of a computed name'] }],
  ['a library that tries', 'try { new Function(""); } catch {}', {}],
  ['a method of that name', 'o.eval("x"); o.Function();', {}],
  ['a global of Node.js', 'export const home = process.env.HOME;', { absent: ['process'] }],
  ['globals of browsers', 'fetch(new URL("/", location));', { absent: ['URL', 'fetch'] }],
  ['a global asked for first', 'const b = typeof Buffer === "undefined" ? 0 : Buffer.from("");', {}],
  ['a name of its own', 'import { URL } from "x"; const process = 1; export default [URL, process];', {}],
  ['a parameter', 'export const f = (crypto) => crypto.x;', {}],
  ['a destructured name', 'const { crypto, fetch: url = 1, ...module } = o; crypto(url, module);', {}],
  ['a property', 'o.process = { fetch: 1 }; o.fetch();', {}],
  ['what does not parse', 'export function {', {}],
];
for (const [name, source, found] of rows) {
  test(`suspects: ${name}`, () => {
    assert.deepEqual(suspectsIn(source), { dynamic: [], absent: [], ...found });
  });
}
