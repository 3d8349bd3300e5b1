import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assembleBundle, modulesOf, parseBundle, parseMetadata } from './index.ts';

const endpoint = {
  js_module: 'app.js',
  js_function: 'handler',
  forwarding_required: 'always',
  authn_policies: ['user_cert', { all_of: ['jwt', 'member_cert'] }],
  mode: 'readwrite',
};
const bundleOf = (properties: object, path = '/log/{id}', method = 'post') => ({
  metadata: { endpoints: { [path]: { [method]: { ...endpoint, ...properties } } } },
  modules: [{ name: 'app.js', module: 'export const handler = () => ({});' }],
});

describe('a bundle', () => {
  test('is taken with every property of an endpoint, and none beside', () => {
    const rich = {
      ...endpoint,
      redirection_strategy: 'to_backup',
      openapi: { responses: {} },
      openapi_hidden: true,
      interpreter_reuse: { key: 'a' },
    };
    const parsed = parseBundle(bundleOf({ ...rich, unknown: 1 }));
    assert.deepEqual(parsed.metadata.endpoints['/log/{id}']?.post, rich);
    assert.deepEqual([...modulesOf(parsed)], [['/app.js', 'export const handler = () => ({});']]);
  });
  test('says which functions make up for what is undone', () => {
    const credit = { js_module: 'app.js', js_function: 'credit' };
    const { metadata, modules } = bundleOf({});
    const having = (compensations: unknown) => ({ modules, metadata: { ...metadata, compensations } });
    assert.deepEqual(parseBundle(having([credit])).metadata.compensations, [credit]);
    for (const [declared, message] of [
      [credit, /metadata\.compensations: it must be an array/],
      [[{ js_module: 'app.js' }], /metadata\.compensations\[0\]\.js_function: it must be a string/],
      [
        [{ ...credit, js_module: 'b.js' }],
        /metadata\.compensations\[0\]\.js_module: the bundle has no module b\.js/,
      ],
      [Array(101).fill(credit), /metadata\.compensations: at most 100/],
    ] as const)
      assert.throws(() => parseBundle(having(declared)), message);
  });
  test('may leave out what has a default', () => {
    assert.deepEqual(
      parseMetadata(bundleOf({ openapi: null }).metadata).endpoints['/log/{id}']?.post,
      endpoint,
    );
  });

  const at = 'metadata.endpoints./log/{id}.post';
  const refused: readonly [bundle: unknown, message: string][] = [
    [null, 'bundle: it must be an object'],
    [{ metadata: {}, modules: {} }, 'modules: it must be an array'],
    [{ metadata: {}, modules: [] }, 'metadata.endpoints: it must be an object'],
    [{ modules: [{ name: '', module: '' }] }, 'modules[0].name: it must not be empty'],
    [{ modules: [{ name: 'a', module: 1 }] }, 'modules[0].module: it must be a string'],
    [
      {
        modules: [
          { name: 'a', module: '' },
          { name: '/a', module: '' },
        ],
      },
      'modules: /a is there twice',
    ],
    [bundleOf({ js_module: undefined }), `${at}.js_module: it must be a string`],
    [bundleOf({ js_module: 'other.js' }), `${at}.js_module: the bundle has no module other.js`],
    [bundleOf({ js_function: '' }), `${at}.js_function: it must not be empty`],
    [bundleOf({ mode: 'write' }), `${at}.mode: it must be one of readwrite, readonly, historical`],
    [
      bundleOf({ forwarding_required: true }),
      `${at}.forwarding_required: it must be one of sometimes, always, never`,
    ],
    [
      bundleOf({ redirection_strategy: 'x' }),
      `${at}.redirection_strategy: it must be one of none, to_primary, to_backup`,
    ],
    [bundleOf({ authn_policies: 'jwt' }), `${at}.authn_policies: it must be an array`],
    [bundleOf({ authn_policies: [{ all_of: [] }] }), `${at}.authn_policies[0].all_of: it must name a policy`],
    [bundleOf({ interpreter_reuse: {} }), `${at}.interpreter_reuse.key: it must be a string`],
    [bundleOf({ openapi_hidden: 1 }), `${at}.openapi_hidden: it must be true or false`],
    [bundleOf({}, 'log'), 'metadata.endpoints.log: a path begins with a slash'],
    [bundleOf({}, '/a/{b'), 'metadata.endpoints./a/{b: its braces do not match'],
    [bundleOf({}, '/a/{b}/{b}'), 'metadata.endpoints./a/{b}/{b}: a parameter is there twice'],
    [bundleOf({}, '/a', 'fetch'), 'metadata.endpoints./a.fetch: it is no HTTP method'],
  ];
  for (const [bundle, message] of refused) {
    test(`is refused: ${message}`, () => {
      assert.throws(() => parseBundle(bundle), { name: 'ContractError', code: 'BundleInvalid', message });
    });
  }
});

describe('a folder', () => {
  const metadata = bundleOf({}).metadata;
  test('becomes a bundle of its files', () => {
    const files = new Map([
      ['app.js', "import { a } from './lib/a.js'; export const handler = () => a;"],
      ['lib/a.js', 'export const a = {};'],
    ]);
    assert.deepEqual(
      assembleBundle(metadata, files).modules.map(({ name }) => name),
      ['app.js', 'lib/a.js'],
    );
  });
  test('with a module that does not parse is refused at its line', () => {
    assert.throws(() => assembleBundle(metadata, new Map([['app.js', '\nexport const ;']])), {
      code: 'ModuleSyntax',
      module: '/app.js',
      line: 2,
    });
  });
  test('that imports what it does not have is refused', () => {
    assert.throws(
      () => assembleBundle(metadata, new Map([['app.js', "import 'lodash'; export const handler = 1;"]])),
      {
        code: 'ModuleUnresolved',
        message: '/app.js imports /lodash, which the bundle does not have',
      },
    );
  });
});
