import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operationIdOf } from './endpoint.ts';
import { endpoints, endpointsOf } from './endpoints/table.ts';
import { errorCatalogue } from './errors.ts';
import { type AppEndpoint, openApi } from './openapi.ts';

const info = { title: 'A service', version: '1', description: 'Its surface' };
const log: AppEndpoint = {
  path: '/log/{id}',
  method: 'GET',
  forwarding: 'sometimes',
  auth: ['jwt', ['user_cert', 'user_cose_sign1']],
  mode: 'readonly',
  openapi: { summary: 'One message', responses: { '200': { description: 'The message' } } },
};

test('each endpoint is listed once, and each operation id is its own', () => {
  const keys = endpoints.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(keys, [...new Set(keys)]);
  const ids = endpoints.map(({ operationId }) => operationId);
  assert.deepEqual(ids, [...new Set(ids)]);
});

test('operation ids are named as generators expect', () => {
  assert.equal(operationIdOf('GET', '/app/log/{id}'), 'GetAppLogId');
  assert.equal(operationIdOf('POST', '/gov/members/proposals:create'), 'PostGovMembersProposalsCreate');
});

test('what an endpoint answers with is in the catalogue', () => {
  const known = new Set<string>(errorCatalogue.map(([code]) => code));
  for (const row of endpoints)
    for (const code of row.errors) assert.ok(known.has(code), `${row.path}: ${code}`);
});

test('every reference in the document leads somewhere', () => {
  for (const frontend of ['node', 'app', 'gov'] as const) {
    const document = openApi(info, endpointsOf(frontend), [log]);
    const text = JSON.stringify(document);
    for (const [, path = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let target: unknown = document;
      for (const key of path.split('/')) target = (target as Record<string, unknown>)[key];
      assert.ok(target, path);
    }
  }
});

test('hidden and internal endpoints stay out of the document', () => {
  const { paths } = openApi(info, endpointsOf('node'));
  assert.ok('/node/state' in paths);
  assert.ok(!('/node/join' in paths) && !('/node/create' in paths));
});

test("a contract's endpoint keeps what its author wrote and gains what follows from the bundle", () => {
  const operation = openApi(info, endpointsOf('app'), [log]).paths['/app/log/{id}']?.get;
  assert.deepEqual(operation, {
    operationId: 'GetAppLogId',
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    security: [{ jwt: [] }, { user_cert: [], user_cose_sign1: [] }],
    'x-ccf-forwarding': { $ref: '#/components/x-ccf-forwarding/sometimes' },
    'x-coco-mode': 'readonly',
    summary: 'One message',
    responses: { '200': { description: 'The message' }, default: { $ref: '#/components/responses/default' } },
  });
});

test('a contract replaces a built-in endpoint, or hides it', () => {
  const replaced = openApi(info, endpointsOf('app'), [{ ...log, path: '/tx', openapi: { summary: 'Mine' } }]);
  assert.match(JSON.stringify(replaced.paths['/app/tx']), /"summary":"Mine"/);
  const hidden = openApi(info, endpointsOf('app'), [{ ...log, path: '/tx', hidden: true }]);
  assert.ok(!('/app/tx' in hidden.paths));
});
