import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Place, place } from '../testing/place.ts';

const dependencies = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const endpoint = {
  js_function: 'read',
  forwarding_required: 'sometimes',
  authn_policies: [],
  mode: 'readonly',
};

/** A contract in a folder: its files by name. */
function contract(here: Place, files: Record<string, string>, module = 'main.js'): void {
  const app = { endpoints: { '/read': { get: { js_module: module, ...endpoint } } } };
  for (const [name, text] of Object.entries({ 'app.json': JSON.stringify(app), ...files })) {
    const file = here.file(`shop/${name}`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  symlinkSync(dependencies, here.file('node_modules'));
}

interface Bundle {
  readonly metadata: { readonly endpoints: object };
  readonly modules: readonly { readonly name: string; readonly module: string }[];
}

async function built(here: Place, ...words: string[]): Promise<Bundle> {
  const { code, error } = await here.coco('contract', 'build', 'shop', ...words);
  assert.equal(code, 0, error);
  return JSON.parse(readFileSync(here.file('shop/bundle.json'), 'utf8')) as Bundle;
}

const typed = `
import { total } from './total.ts';
import type { Order } from './total.ts';
const orders: Order[] = [{ price: 2 }];
export function read(): { body: number } { return { body: total(orders) }; }
`;
const total = `
export interface Order { price: number }
export const total = (orders: Order[]): number => orders.reduce((sum, { price }) => sum + price, 40);
`;

test('TypeScript becomes one module that runs by itself', async () => {
  using here = place();
  contract(here, { 'src/main.ts': typed, 'src/total.ts': total });
  const bundle = await built(here);
  assert.deepEqual(
    bundle.modules.map(({ name }) => name),
    ['main.js'],
  );
  const source = bundle.modules[0]?.module ?? '';
  const module = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
    read(): { body: number };
  };
  assert.deepEqual(module.read(), { body: 42 });
});

test('a dependency from npm is bundled in, and named among the parts', async () => {
  using here = place();
  contract(here, {
    'src/main.ts': `import { XMLParser } from 'fast-xml-parser';
      export function read() { return { body: new XMLParser().parse('<a>1</a>') }; }`,
  });
  const { value } = await here.json('contract', 'build', 'shop');
  const parts = value.parts as { file: string }[];
  assert.ok(parts.some(({ file }) => file.startsWith('fast-xml-parser/')));
  const bundle = JSON.parse(readFileSync(here.file('shop/bundle.json'), 'utf8')) as Bundle;
  assert.doesNotMatch(bundle.modules[0]?.module ?? '', /^import /m);
});

test('the same sources give the same bytes, wherever they lie', async () => {
  using here = place();
  using there = place();
  const imports = `import { XMLParser } from 'fast-xml-parser'; export const parser = new XMLParser();`;
  contract(here, { 'src/main.ts': imports + typed, 'src/total.ts': total });
  cpSync(here.file('shop'), there.file('deeper/down/shop'), { recursive: true });
  symlinkSync(dependencies, there.file('deeper/node_modules'));
  const one = await here.json('contract', 'build', 'shop');
  const two = await there.json('contract', 'build', 'deeper/down/shop/app.json');
  assert.equal(one.value.digest, two.value.digest);
});

test('a bundle that is built already is taken as it is', async () => {
  using here = place();
  const bundle = { metadata: { endpoints: {} }, modules: [{ name: 'a.js', module: 'export const a = 1;' }] };
  writeFileSync(here.file('ready.json'), JSON.stringify(bundle));
  const { code } = await here.coco(
    'contract',
    'build',
    'ready.json',
    '--out',
    'out.json',
    '--proposal',
    'p.json',
  );
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(readFileSync(here.file('out.json'), 'utf8')), bundle);
  const proposal = JSON.parse(readFileSync(here.file('p.json'), 'utf8'));
  assert.deepEqual([proposal.actions[0].name, proposal.actions[0].args.bundle], ['set_js_app', bundle]);
});

const refusals: [string, Record<string, string>, RegExp][] = [
  [
    'a part of Node.js, with the way it came in',
    {
      'src/main.ts': `import './deep.ts';`,
      'src/deep.ts': `import { readFileSync } from 'node:fs'; readFileSync('x');`,
    },
    /node:fs is part of Node\.js.*src\/main\.ts -> src\/deep\.ts/,
  ],
  [
    'a part of Node.js by its bare name',
    { 'src/main.ts': `import fs from 'fs'; fs.x();` },
    /fs is part of Node\.js/,
  ],
  ['native code', { 'src/main.ts': `import './x.node';`, 'src/x.node': '' }, /native code/],
  [
    'a package that is not installed',
    { 'src/main.ts': `import 'no-such-package';` },
    /not installed: src\/main\.ts/,
  ],
  ['what does not parse', { 'src/main.ts': 'export function {' }, /main\.ts/],
  ['a module without a source', { 'src/other.ts': '' }, /main\.js/],
];
for (const [name, files, reason] of refusals) {
  test(`a contract cannot have ${name}`, async () => {
    using here = place();
    contract(here, files);
    const { code, error } = await here.coco('contract', 'build', 'shop');
    assert.equal(code, 1);
    assert.match(error, reason);
  });
}

test('a module name that leads out of the folder is refused', async () => {
  using here = place();
  contract(here, {}, '../../secret.js');
  assert.equal((await here.coco('contract', 'build', 'shop')).code, 1);
});
