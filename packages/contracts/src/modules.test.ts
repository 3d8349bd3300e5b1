import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { linkModule } from './modules/link.ts';
import { resolveSpecifier } from './modules/resolve.ts';
import { reasonOf, Stage } from './testing/stage.ts';

/** What `export default` or `result` of the first module comes to. */
function evaluateModules(modules: Readonly<Record<string, string>>): unknown {
  using stage = new Stage({
    ...modules,
    '/app.js': "import * as main from './main.js'; export const run = () => ({ body: main.result ?? null });",
  });
  return stage.json('run');
}

const programs: readonly [what: string, modules: Record<string, string>, result: unknown][] = [
  [
    'named and renamed',
    {
      '/main.js': "import { a, b as c } from './x.js'; export const result = a + c;",
      '/x.js': 'export const a = 1; export let b = 2;',
    },
    3,
  ],
  [
    'default ones',
    {
      '/main.js': "import f, { default as g } from './x.js'; export const result = [f(), g === f, f.name];",
      '/x.js': 'export default function () { return 1 }',
    },
    [1, true, '$cocodefault'],
  ],
  [
    'named default ones',
    {
      '/main.js': "import C from './x.js'; export const result = [new C().v, C.name];",
      '/x.js': 'export default class Box { v = 1 }',
    },
    [1, 'Box'],
  ],
  [
    'default expressions',
    { '/main.js': "import v from './x.js'; export const result = v;", '/x.js': 'export default { a: [1] }' },
    { a: [1] },
  ],
  [
    'namespaces',
    {
      '/main.js':
        "import * as x from './x.js'; export const result = [Object.keys(x), x.a, Object.prototype.toString.call(x)];",
      '/x.js': 'export const b = 2, a = 1;',
    },
    [['b', 'a'], 1, '[object Module]'],
  ],
  [
    'comparisons with promises',
    {
      '/main.js':
        'export const result = [(async () => 1)() instanceof Promise, 1 instanceof Promise, ((Promise) => [] instanceof Promise)(Array)];',
    },
    [true, false, true],
  ],
  [
    'comparisons with what took the place of promises',
    {
      '/main.js':
        'globalThis.Promise = class Mine {}; export const result = [new Promise() instanceof Promise, (async () => 1)() instanceof Promise];',
    },
    [true, false],
  ],
  [
    'lists',
    {
      '/main.js': "import { c, d } from './x.js'; export const result = c + d;",
      '/x.js': 'const a = 1; let b = 2; export { a as c, b as d };',
    },
    3,
  ],
  [
    'destructured',
    {
      '/main.js': "import { a, b, rest } from './x.js'; export const result = [a, b, rest];",
      '/x.js': 'export const { a, x: [b], ...rest } = { a: 1, x: [2], y: 3 };',
    },
    [1, 2, { y: 3 }],
  ],
  [
    'passed on',
    {
      '/main.js': "import { a, c, y } from './x.js'; export const result = [a, c, y.b];",
      '/x.js': "export { a, b as c } from './y.js'; export * as y from './y.js';",
      '/y.js': 'export const a = 1, b = 2;',
    },
    [1, 2, 2],
  ],
  [
    'passed on whole',
    {
      '/main.js': "import * as x from './x.js'; export const result = [x.a, x.b, x.default];",
      '/x.js': "export * from './y.js'; export const b = 'own';",
      '/y.js': 'export const a = 1, b = 2; export default 3;',
    },
    [1, 'own', null],
  ],
  [
    'passed on before they are imported',
    {
      '/main.js': "import { a } from './x.js'; export const result = a;",
      '/x.js': "export { a }; import { a } from './y.js';",
      '/y.js': 'export const a = 1;',
    },
    1,
  ],
  [
    'with names that are text',
    {
      '/main.js': "import { 'a b' as a } from './x.js'; export const result = a;",
      '/x.js': "const a = 1; export { a as 'a b' };",
    },
    1,
  ],
  [
    'live',
    {
      '/main.js':
        "import { n, inc } from './x.js'; const before = n; inc(); export const result = [before, n];",
      '/x.js': 'export let n = 0; export const inc = () => { n++; };',
    },
    [0, 1],
  ],
  [
    'in a circle',
    {
      '/main.js':
        "import { even } from './x.js'; export const result = even(4); export function odd(n) { return n === 0 ? false : even(n - 1) }",
      '/x.js':
        "import { odd } from './main.js'; export function even(n) { return n === 0 ? true : odd(n - 1) }",
    },
    true,
  ],
  [
    'hidden by a local name',
    {
      '/main.js':
        "import { a } from './x.js'; const f = (a) => a; const g = () => { const a = 3; return a; }; { let a = 4; } export const result = [a, f(2), g(), (() => { try { throw 5 } catch (a) { return a } })()];",
      '/x.js': 'export const a = 1;',
    },
    [1, 2, 3, 5],
  ],
  [
    'in shorthand, default and computed places',
    {
      '/main.js':
        "import { a } from './x.js'; const f = (b = a, { [a]: c } = { 1: 'one' }) => ({ a, b, c, [a]: a }); export const result = f();",
      '/x.js': 'export const a = 1;',
    },
    { 1: 1, a: 1, b: 1, c: 'one' },
  ],
  [
    'called without a receiver',
    {
      '/main.js': "import { who } from './x.js'; export const result = [who(), who``, typeof who];",
      '/x.js': 'export function who() { return this === undefined }',
    },
    [true, true, 'function'],
  ],
  [
    'evaluated once, in order',
    {
      '/main.js': "import './y.js'; import { log } from './x.js'; export const result = log;",
      '/x.js': 'export const log = [];',
      '/y.js': "import { log } from './x.js'; import './z.js'; log.push('y');",
      '/z.js': "import { log } from './x.js'; log.push('z');",
    },
    ['z', 'y'],
  ],
  [
    'from other folders',
    {
      '/main.js':
        "import { a } from './lib/deep/x.js'; import { r } from 'lib/root.js'; export const result = a + r;",
      '/lib/deep/x.js': "export { a } from '../y.js';",
      '/lib/y.js': 'export const a = 1;',
      '/lib/root.js': 'export const r = 2;',
    },
    3,
  ],
  ['with import.meta', { '/main.js': 'export const result = [import.meta.url];' }, ['/main.js']],
  [
    'with classes, labels, loops and switches',
    {
      '/main.js':
        "import { a } from './x.js'; let n = 0; class K { static s = a; #p = a; ['m' + a]() { return this.#p } get g() { return a } } outer: for (const a of [1, 2]) { for (let i in { q: 1 }) { switch (a) { case 1: continue outer; default: n += a; break outer; } } } export const result = [K.s, new K().m1(), new K().g, n];",
      '/x.js': 'export const a = 1;',
    },
    [1, 1, 1, 2],
  ],
  ['with a shell’s line', { '/main.js': '#!/usr/bin/env node\nexport const result = 1;' }, 1],
  [
    'with a name like the linker’s',
    {
      '/main.js':
        "const $coco = 1, $coco_ = 2; import { a } from './x.js'; export const result = [$coco, $coco_, a];",
      '/x.js': 'export const a = 3;',
    },
    [1, 2, 3],
  ],
];

describe('imports and exports', () => {
  for (const [what, modules, result] of programs) {
    test(what, () => assert.deepEqual(evaluateModules(modules), result));
  }
  test('of functions keep their names, and a module its lines', () => {
    const { text } = linkModule(
      '/a.js',
      "import {\n  x,\n} from './b.js';\n\nexport default function named() {}\n",
    );
    assert.equal(text.split('\n')[4]?.trim(), 'function named() {}');
  });
});

describe('dynamic import', () => {
  test('gives modules of the bundle', () => {
    using stage = new Stage({
      '/app.js':
        "export async function run(request) { const { a } = await import('./lib/' + request.body.json()); return { body: a }; }",
      '/lib/x.js': 'export const a = 1;',
    });
    assert.equal(stage.json('run', { body: 'x.js' }), 1);
    assert.match(reasonOf(stage.call('run', { body: 'y.js' })), /Module '\/lib\/y\.js' could not be loaded/);
  });
});

describe('a module that cannot be used', () => {
  const broken: readonly [what: string, source: string, message: RegExp, line: number | undefined][] = [
    ['for its syntax', 'export const a = 1;\nexport const = 2;', /^\/x\.js: Unexpected token \(2:13\)/, 2],
    ['for a promise at its top', 'export const a = await 1;', /^\/x\.js: /, 1],
    ['for an export it does not declare', 'export { nothing };', /nothing/, 1],
    ['for an import from outside', "import '../../x.js';", /leads out of the bundle/, undefined],
    [
      'for its depth',
      `export const a = ${'['.repeat(50_000)}`,
      /nested too deeply|Not enough stack/,
      undefined,
    ],
  ];
  for (const [what, source, message, line] of broken) {
    test(`${what} is told, and others are served`, () => {
      using stage = new Stage({ '/app.js': 'export const fine = () => ({ body: 1 });', '/x.js': source });
      const [problem] = stage.app.problems;
      assert.match(problem?.message ?? '', message);
      assert.equal(problem?.module, '/x.js');
      if (line !== undefined) assert.equal(problem?.line, line);
      assert.equal(stage.json('fine'), 1);
    });
  }
  test('for a name the other does not export fails its calls', () => {
    using stage = new Stage({
      '/app.js': "import { nope } from './x.js'; export const run = () => ({ body: nope });",
      '/x.js': 'export const a = 1;',
    });
    assert.equal(reasonOf(stage.call('run')), "/app.js: the module /x.js does not export 'nope'");
  });
  test('for a module that is not there fails its calls', () => {
    using stage = new Stage("import './gone.js'; export const run = () => ({ body: 1 });");
    assert.match(reasonOf(stage.call('run')), /Module '\/gone\.js' could not be loaded/);
  });
});

test('a specifier is resolved against the importing module', () => {
  for (const [specifier, importer, key] of [
    ['./b.js', '/a.js', '/b.js'],
    ['./b.js', '/x/y/a.js', '/x/y/b.js'],
    ['../b.js', '/x/y/a.js', '/x/b.js'],
    ['../../b.js', '/x/y/a.js', '/b.js'],
    ['b/c.js', '/x/y/a.js', '/b/c.js'],
    ['/b/./c.js', '/x/a.js', '/b/c.js'],
  ] as const) {
    assert.equal(resolveSpecifier(specifier, importer), key, `${specifier} from ${importer}`);
  }
});

describe('only a module whose evaluation can keep nothing hidden is shared:', () => {
  const judged: readonly [source: string, constant: boolean][] = [
    [
      'export const a = 1; export function f() { let n = 0; return () => n++; } class C { x = 1; m() { return new Map(); } }',
      true,
    ],
    ['const map = () => ccf.kv.things; export const f = () => map();', true],
    ['let n = 0; export const f = () => n++;', false],
    ['let n; export const f = (v) => { [n] = [v]; };', false],
    ['export var x = 1; var x = 2;', false],
    ['const f = (() => { let n = 0; return () => n++; })();', false],
    ['const t = String.raw`a`;', false],
    [
      'class Box { constructor(v) { this.v = v; } get size() { return this.v.size; } } function box(v) { return new Box(v); } const b = box(ccf.kv.things);',
      true,
    ],
    [
      'const c = globalThis.ccf; const last = c.consensus.getLastCommittedTxId.bind(c.consensus); const o = Object.freeze({ a: 1 });',
      true,
    ],
    ['class P { #p = 1; get() { return this.#p++; } } export const f = () => new P().get();', true],
    ['class P { #p = 1; get() { return this.#p++; } } const p = new P();', false],
    [
      'class Q { n = []; constructor() { const n = []; this.add = () => n.push(1); } } const q = new Q();',
      false,
    ],
    ['const make = () => { let n = 0; return () => n++; }; const f = make();', false],
    ['const make = () => { const n = []; return { n, add() { n.push(1); } }; }; const f = make();', false],
    ['const o = { get f() { let n = 0; return () => n++; } }; const f = o.f;', false],
    ['class A { static get f() { let n = 0; return () => n++; } } const f = A.f;', false],
    ['const call = (f) => f(); const x = call(() => 1);', false],
    ['const x = [1, 2].map((n) => n * 2);', false],
    ['const Object = { freeze: (x) => x }; const o = Object.freeze({});', false],
    ['import { make } from "./x.js"; const f = make();', false],
    ['const r = recurse(3); function recurse(n) { return n === 0 ? 0 : recurse(n - 1); }', true],
    ['class C { static #n = 0; static m() { return C.#n++; } }', false],
    ['class C { static { this.x = []; } }', false],
    ['let f; { let n = 0; f = () => n++; }', false],
    ['export const f = () => eval("1");', false],
  ];
  for (const [source, constant] of judged) {
    test(source, () => assert.equal(linkModule('/a.js', source).constant, constant));
  }
});
