import { after, describe } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Attack, testAttack } from './testing/attacks.ts';

const attacks: readonly Attack[] = [
  ['an endless loop', 'for (;;);', ['time']],
  ['an endless loop that catches all', 'for (;;) { try { for (;;); } catch {} finally {} }', ['time']],
  ['an endless finally', 'const f = () => { try { f(); } finally { f(); } }; f();', ['time', 'stack']],
  ['an endless async loop', 'return (async () => { for (;;) await null; })();', ['time']],
  ['an endless async loop not awaited', '(async () => { for (;;) await null; })(); return {};', ['time']],
  ['an endless toJSON', 'return { body: { toJSON() { for (;;); } } };', ['time']],
  ['an endless proxy as response', 'return new Proxy({}, { get() { for (;;); } });', ['time']],
  ['an endless toString of what is thrown', 'throw { toString() { for (;;); } };', ['time']],
  ['an endless print', 'console.log({ toJSON() { for (;;); } });', ['time']],
  ['ever more arrays', 'const a = []; for (;;) a.push([1, 2, 3, {}]);', ['heap', 'time']],
  ['ever more objects', 'const o = {}; for (let i = 0; ; i++) o["k" + i] = { i };', ['heap', 'time']],
  ['ever more map entries', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, { i });', ['heap', 'time']],
  [
    'one great array',
    'const a = new Array(30_000_000).fill(0); return { body: a.length };',
    ['heap', 'failed', 'time'],
  ],
  [
    'an ever longer text, flattened',
    'let s = "x"; for (;;) { s += s; s.charCodeAt(s.length - 1); JSON.stringify(s).length; }',
    ['heap', 'failed', 'time'],
  ],
  ['ever more small buffers', 'const a = []; for (;;) a.push(new Uint8Array(65536));', ['heap', 'time']],
  [
    'deep JSON in the response',
    'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return { body: a };',
    ['response', 'failed', 'stack', 'heap'],
  ],
  [
    'a deep proxy',
    'let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x;',
    ['stack', 'failed', 'time'],
  ],
  ['a huge response', 'return { body: "x".repeat(70 * 1024 * 1024) };', ['failed', 'heap', 'time']],
  [
    'a great many writes',
    'for (let i = 0; i < 100000; i++) ccf.kv.x.set(ccf.strToBuf("k" + i), ccf.strToBuf("v")); return {};',
    ['response', 'time', 'heap'],
  ],
  [
    'a great many tables',
    'for (let i = 0; i < 3000; i++) ccf.kv["t" + i].has(ccf.strToBuf("k")); return {};',
    ['response', 'time'],
  ],
];

// What isolates left behind is collected while their library can still do it: at the very end it aborts the process.
after(() => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
});

describe('a limit fails the call and nothing else, however it is reached:', () => {
  for (const attack of attacks) testAttack(attack);
});
