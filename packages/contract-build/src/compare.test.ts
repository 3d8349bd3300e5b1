import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bundle, EndpointProps } from './bundle.ts';
import { compareBundles, differencesOf } from './compare.ts';
import { mapsNamedIn } from './maps.ts';

const props: EndpointProps = {
  js_module: 'app.js',
  js_function: 'f',
  mode: 'readwrite',
  authn_policies: ['user_cert'],
  openapi: { requestBody: { schema: { properties: { text: { maxLength: 1000 } } } } },
};

function bundle(endpoints: Record<string, Partial<EndpointProps>>, module: string): Bundle {
  const placed = Object.entries(endpoints).map(([path, own]) => [path, { post: { ...props, ...own } }]);
  return { metadata: { endpoints: Object.fromEntries(placed) }, modules: [{ name: 'app.js', module }] };
}

test('a bundle compared with itself has no difference', () => {
  const one = bundle({ '/a': {}, '/b': {} }, 'ccf.kv.notes');
  assert.deepEqual(compareBundles(one, structuredClone(one)), {
    endpoints: { added: [], removed: [], changed: [], unchanged: 2 },
    modules: { added: [], removed: [], changed: [] },
    indexes: { added: [], removed: [], changed: [] },
    maps: { added: [], unnamed: [] },
  });
});

const changes: [name: string, after: Partial<EndpointProps>, aspect: string, where: string][] = [
  ['authentication', { authn_policies: [] }, 'authentication', 'authn_policies'],
  ['mode', { mode: 'readonly' }, 'mode', 'mode'],
  ['function', { js_function: 'g' }, 'function', 'js_function'],
  ['routing', { forwarding_required: 'always' }, 'routing', 'forwarding_required'],
  [
    'schema',
    { openapi: { requestBody: { schema: { properties: { text: { maxLength: 500 } } } } } },
    'schema',
    'openapi.requestBody.schema.properties.text.maxLength',
  ],
];
for (const [name, after, aspect, where] of changes) {
  test(`a change of ${name} is told, with its place`, () => {
    const { endpoints } = compareBundles(bundle({ '/a': {} }, ''), bundle({ '/a': after }, ''));
    assert.deepEqual(
      endpoints.changed.map(({ route, aspects, differences }) => [route, aspects, differences[0]?.where]),
      [['POST /a', [aspect], where]],
    );
  });
}

test('endpoints, modules and maps that come and go are told', () => {
  const before = bundle({ '/old': {}, '/same': {} }, 'ccf.kv.notes; ccf.kv["public:b"]');
  const after = bundle({ '/new': {}, '/same': {} }, 'privateMap("notes", a, b); publicMap("c", a, b)');
  const { endpoints, modules, maps } = compareBundles(before, after);
  assert.deepEqual([endpoints.added, endpoints.removed], [['POST /new'], ['POST /old']]);
  assert.deepEqual(modules.changed, [{ name: 'app.js', bytesBefore: 32, bytesAfter: 47 }]);
  assert.deepEqual(maps, { added: ['public:c'], unnamed: ['public:b'] });
});

test('indexes that come, go and change are told', () => {
  const plain = bundle({}, '');
  const having = (indexes: NonNullable<Bundle['metadata']['indexes']>): Bundle => ({
    ...plain,
    metadata: { ...plain.metadata, indexes },
  });
  const rows = (map: string) => ({ kind: 'rows', map, js_module: 'app.js', js_function: 'index_x' }) as const;
  const before = having({ gone: { kind: 'history', map: 'a' }, moved: rows('a'), same: rows('a') });
  const after = having({ moved: rows('b'), same: rows('a'), fresh: rows('a') });
  assert.deepEqual(compareBundles(before, after).indexes, {
    added: ['fresh'],
    removed: ['gone'],
    changed: ['moved'],
  });
});

test('a stored module and one of a bundle are the same module', () => {
  const stored = { ...bundle({}, 'x'), modules: [{ name: '/app.js', module: 'x' }] };
  assert.deepEqual(compareBundles(stored, bundle({}, 'x')).modules, { added: [], removed: [], changed: [] });
});

test('differences are those of JSON: order of names does not count, order of lists does', () => {
  assert.deepEqual(differencesOf({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, 'x'), []);
  assert.equal(differencesOf([1, 2], [2, 1], 'x').length, 1);
  assert.deepEqual(differencesOf({ a: null }, {}, 'x'), [{ where: 'x.a', before: null, after: undefined }]);
});

const named: [source: string, maps: string[]][] = [
  ['ccf.kv.a; ccf.kv["b"]; ccf.kv[`c`]; past.kv.d', ['a', 'b', 'c', 'd']],
  ['ccfapp.typedKv("e", k, v); typedKvSet("f", k); rawKv.g', ['e', 'f', 'g']],
  ['privateMap$1("h", k, v); publicMap("i", k, v)', ['h', 'public:i']],
  ['class W { get(k) { return this.kv.get(k); } }', []],
  ['ccf.kv[computed]; privateMap(name, k, v)', []],
  ['not JavaScript at all {', []],
];
for (const [source, maps] of named) {
  test(`maps named in: ${source}`, () => {
    assert.deepEqual(mapsNamedIn(source), maps);
  });
}
