import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Place, place } from '../testing/place.ts';
import { isInWorkspace } from './scaffold.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const notes = `${root}/samples/contracts/notes`;

/** A folder in which packages are found, with a declared contract of these files. */
function declared(here: Place, files: Record<string, string>, folder = 'shop'): void {
  for (const [name, text] of Object.entries(files)) {
    const file = here.file(`${folder}/${name}`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  symlinkSync(`${root}/node_modules`, here.file('node_modules'));
}

const app = (handler: string, before = '') => `
  import { defineApp, endpoint } from '@coco/sdk';
  ${before}
  export const app = defineApp({
    'GET /read/{id}': endpoint({ mode: 'readonly', auth: ['user_cert'], handler: ${handler} }),
  });
`;

test('a new contract has tests, types and a name, and is not written over another', async () => {
  using here = place();
  assert.equal((await here.coco('contract', 'new', 'my-notes')).code, 0);
  const manifest = JSON.parse(readFileSync(here.file('my-notes/package.json'), 'utf8'));
  assert.equal(manifest.name, 'my-notes');
  assert.match(manifest.dependencies['@coco/sdk'], /^file:.*packages\/sdk$/);
  assert.match(manifest.devDependencies['@coco/contract-test'], /^file:.*packages\/contract-test$/);
  const again = await here.coco('contract', 'new', 'my-notes');
  assert.deepEqual([again.code, /exists already/.test(again.error)], [1, true]);
  assert.equal((await here.coco('contract', 'new', '../up')).code, 2);
});

test('packages are found without installing inside the workspace, and only there', () => {
  assert.equal(isInWorkspace(`${root}/samples/contracts/mine`), true);
  assert.equal(isInWorkspace(`${root.replace(/\/$/, '')}-elsewhere/mine`), false);
});

test('the bundle of a declaration exports one function per endpoint, and CCF metadata names each', async () => {
  using here = place();
  const out = ['--out', 'b.json', '--openapi', 'o.json', '--skip-types'];
  assert.equal((await here.coco('contract', 'build', notes, ...out)).code, 0);
  const bundle = JSON.parse(readFileSync(here.file('b.json'), 'utf8'));
  const functions = Object.values<Record<string, { js_function: string }>>(bundle.metadata.endpoints)
    .flatMap((methods) => Object.values(methods))
    .map(({ js_function: name }) => name);
  const exported = /export \{([^}]*)\}/.exec(bundle.modules[0].module)?.[1]?.split(',') ?? [];
  assert.deepEqual(exported.map((name) => name.trim()).sort(), functions.sort());
  assert.equal(functions.length, 6);
  const document = JSON.parse(readFileSync(here.file('o.json'), 'utf8'));
  assert.deepEqual([document.openapi, document.info.title], ['3.1.1', 'Notes']);
});

test('a declaration gives the same bytes, wherever it lies', async () => {
  using here = place();
  using there = place();
  declared(here, { 'src/app.ts': app('() => 1') });
  symlinkSync(`${root}/node_modules`, there.file('node_modules'));
  cpSync(here.file('shop'), there.file('deeper/down/shop'), { recursive: true });
  const one = await here.json('contract', 'build', 'shop');
  const two = await there.json('contract', 'build', 'deeper/down/shop');
  assert.equal(one.value.digest, two.value.digest);
});

const tsconfig = JSON.stringify({
  compilerOptions: {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable', 'esnext.typedarrays'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: [],
  },
  include: ['src'],
});

test('types are checked first, with the line of what does not fit; they can be skipped', async () => {
  using here = place();
  const files = { 'src/app.ts': app('({ params }) => params.id.wrong()'), 'tsconfig.json': tsconfig };
  declared(here, { ...files, 'package.json': '{"type": "module"}' });
  const { code, error } = await here.coco('contract', 'build', 'shop');
  assert.equal(code, 1);
  assert.match(error, /the types do not fit:\nsrc\/app\.ts\(\d+,\d+\): error TS/);
  assert.equal((await here.coco('contract', 'build', 'shop', '--skip-types')).code, 0);
});

const refusals: [name: string, files: Record<string, string>, reason: RegExp][] = [
  ['no declaration', { 'src/app.ts': 'export const other = 1;' }, /src\/app\.ts exports no "app"/],
  ['a declaration that throws', { 'src/app.ts': app('() => 1', 'throw new Error("oh");') }, /oh/],
  [
    'a global of Node.js, with the way it came in',
    {
      'src/app.ts': app('() => home', `import { home } from './home.ts';`),
      'src/home.ts': 'export const home = process.env.HOME;',
    },
    /process, which the sandbox does not have: src\/app\.ts -> src\/home\.ts/,
  ],
  [
    'code that makes code',
    { 'src/app.ts': app('({ params }) => eval(params.id)') },
    /eval: code made while it runs, which nobody can review: src\/app\.ts/,
  ],
  [
    'a part of Node.js',
    { 'src/app.ts': app('() => sep', `import { sep } from 'node:path';`) },
    /node:path is part of Node\.js.*: src\/app\.ts/,
  ],
  ['an empty folder', { 'readme.txt': '' }, /neither src\/app\.ts nor app\.json nor bundle\.json/],
];
for (const [name, files, reason] of refusals) {
  test(`refused: ${name}`, async () => {
    using here = place();
    declared(here, files);
    const { code, error } = await here.coco('contract', 'build', 'shop');
    assert.equal(code, 1);
    assert.match(error, reason);
  });
}

test('code that makes code is taken when that is said', async () => {
  using here = place();
  declared(here, { 'src/app.ts': app('({ params }) => eval(params.id)') });
  assert.equal((await here.coco('contract', 'build', 'shop', '--allow-dynamic-code')).code, 0);
});

test('what members would vote on is told in words and as data', async () => {
  using here = place();
  const text = app('() => 1');
  declared(here, { 'src/app.ts': text });
  const changed = text.replace("auth: ['user_cert']", 'auth: []').replace('});\n', "});\n// 'x'\n");
  mkdirSync(here.file('next/src'), { recursive: true });
  writeFileSync(here.file('next/src/app.ts'), changed);
  await here.coco('contract', 'build', 'shop', '--proposal', 'p.json');
  const { code, out } = await here.coco('contract', 'check', 'p.json', 'next');
  assert.equal(code, 0);
  assert.match(out, /~ GET \/read\/\{id\} {2}\(authentication\)\n +authn_policies +\["user_cert"\] -> \[\]/);
  const { value } = await here.json('contract', 'check', 'shop', 'next');
  assert.deepEqual((value.endpoints as { added: string[] }).added, []);
});

test('lines that no test has run are told, by the sources', async () => {
  using here = place();
  declared(here, {
    'src/app.ts': [
      "import { defineApp, endpoint } from '@coco/sdk';",
      "import { half } from './half.ts';",
      'export const app = defineApp({',
      "  'GET /half/{n}': endpoint({",
      "    mode: 'readonly',",
      '    auth: [],',
      '    handler: ({ params }) => half(Number(params.n)),',
      '  }),',
      "  'GET /never': endpoint({",
      "    mode: 'readonly',",
      '    auth: [],',
      '    handler() {',
      "      return 'never';",
      '    },',
      '  }),',
      '});',
    ].join('\n'),
    'src/half.ts': [
      'export function half(n: number): number {',
      '  if (n % 2 === 1) {',
      "    throw new Error('odd');",
      '  }',
      '  return n > 100 ? 50 : n / 2;',
      '}',
    ].join('\n'),
    'package.json': '{"type": "module"}',
    'a.test.js': `
      import test from 'node:test';
      import { createTestService } from '@coco/contract-test';
      test('answers', async () => {
        const service = await createTestService(new URL('.', import.meta.url));
        await service.anybody.get('/half/4');
      });
    `,
  });
  const { code, value } = await here.json('contract', 'test', 'shop', '--coverage');
  assert.equal(code, 0);
  const coverage = value.coverage as { file: string; missed: number[]; partly: number[] }[];
  assert.deepEqual(
    coverage.map(({ file, missed, partly }) => [file, missed, partly]),
    [
      ['src/app.ts', [12, 13, 14], []],
      ['src/half.ts', [3], [5]],
    ],
  );
  const { out } = await here.coco('contract', 'test', 'shop', '--coverage');
  assert.match(out, /src\/half\.ts +missed 3 +partly 5/);
});

test('tests of a contract are run, and failures counted', async () => {
  using here = place();
  declared(here, {
    'src/app.ts': app('() => 1'),
    'package.json': '{"type": "module"}',
    'a.test.js': `
      import test from 'node:test';
      import { createTestService } from '@coco/contract-test';
      const contract = new URL('.', import.meta.url);
      test('answers', async () => {
        const service = await createTestService(contract);
        const { body } = await service.as('alice').get('/read/x');
        if (body !== 1) throw new Error(String(body));
      });
      test('fails', () => { throw new Error('as planned'); });
    `,
  });
  const { code, value } = await here.json('contract', 'test', 'shop');
  assert.deepEqual([code, value.passed, value.failed], [1, 1, 1]);
  assert.ok(here.progress.some((line) => line.includes('as planned')));
  const nothing = await here.coco('contract', 'test', 'home');
  assert.deepEqual([nothing.code, /no tests/.test(nothing.error)], [1, true]);
});
