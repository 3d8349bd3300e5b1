import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkTypesOf } from '../testing/type-check.ts';
import { generateClient } from './generate.ts';
import { typeName, typeOf } from './schema-type.ts';

const library = '@coco/client';

describe('a schema as a type', () => {
  const table: [unknown, string][] = [
    [{ type: 'string' }, 'string'],
    [{ type: 'integer', minimum: 0 }, 'number'],
    [{ type: ['string', 'null'] }, 'string | null'],
    [{ type: 'string', nullable: true }, 'string | null'],
    [{ enum: ['a', 1, null] }, '"a" | 1 | null'],
    [{ const: 'x' }, '"x"'],
    [{ type: 'array', items: { type: 'string' } }, 'readonly (string)[]'],
    [{ type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] }, 'readonly [string, number]'],
    [
      { type: 'object', properties: { a: { type: 'string' }, 'b-c': {} }, required: ['a'] },
      '{ readonly a: string; readonly "b-c"?: unknown }',
    ],
    [{ type: 'object', additionalProperties: { type: 'number' } }, 'Readonly<Record<string, number>>'],
    [{ type: 'object' }, 'Readonly<Record<string, unknown>>'],
    [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, 'string | number'],
    [{ allOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/b-c' }] }, '(A) & (BC)'],
    [{ $defs: { D: { type: 'string' } }, $ref: '#/$defs/D' }, 'string'],
    [{ $ref: 'https://elsewhere.example.com/schema' }, 'unknown'],
    [{ $defs: { D: { type: 'array', items: { $ref: '#/$defs/D' } } }, $ref: '#/$defs/D' }, ''],
    [{}, 'unknown'],
    [true, 'unknown'],
    [false, 'never'],
    [undefined, 'unknown'],
  ];
  for (const [schema, expected] of table) {
    test(JSON.stringify(schema) ?? 'nothing', () => {
      const type = typeOf(schema);
      if (expected !== '') assert.equal(type, expected);
      // One that leads back to itself ends somewhere.
      else assert.match(type, /unknown/);
    });
  }

  test('components get names that are names', () => {
    assert.deepEqual(['Note', 'a.b-c', '1x', 'é'].map(typeName), ['Note', 'ABC', 'Schema1x', 'Schema']);
  });
});

describe('a generated client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coco-generated-'));
  symlinkSync(
    fileURLToPath(new URL('../../../../node_modules', import.meta.url)),
    join(folder, 'node_modules'),
  );
  after(() => rmSync(folder, { recursive: true }));
  const problems = (files: Readonly<Record<string, string>>): string => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return checkTypesOf(folder, Object.keys(files));
  };

  const document = {
    info: { title: 'Orders', version: '2' },
    paths: {
      '/app/orders': {
        post: {
          operationId: 'post_orders',
          'x-coco-mode': 'readwrite',
          requestBody: { required: true, content: { 'application/json': { schema: ref('Order') } } },
          responses: { 201: { content: { 'application/json': { schema: { type: 'integer' } } } } },
        },
      },
      '/app/orders/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }],
        get: {
          'x-coco-mode': 'readonly',
          parameters: [{ name: 'deep', in: 'query', required: false, schema: { type: 'boolean' } }],
          responses: { 200: { content: { 'application/json': { schema: ref('Order') } } } },
        },
        delete: { operationId: 'delete', responses: { 204: { description: 'Gone' } } },
      },
      '/app/orders/{id}/proof': {
        get: {
          operationId: 'get_orders_id_proof',
          'x-coco-mode': 'historical',
          parameters: [
            { name: 'id', in: 'path', required: true, schema: {} },
            { name: 'x-ms-ccf-transaction-id', in: 'header', required: true, schema: { type: 'string' } },
          ],
          responses: { 200: { content: { 'text/plain': {} } } },
        },
      },
      '/app/picture': {
        put: {
          requestBody: { content: { 'image/png': {} } },
          responses: { 200: { content: { 'image/png': {} } } },
        },
      },
      '/app/tx': { get: { operationId: 'GetAppTx', responses: {} } },
    },
    components: {
      schemas: {
        Order: {
          type: 'object',
          properties: { item: { type: 'string' }, count: { type: 'integer' } },
          required: ['item'],
        },
      },
    },
  };

  test('has a function for each endpoint of the contract, and none for those of every service', () => {
    const { functions } = generateClient(document, { library });
    assert.deepEqual(
      functions.map(({ name, route }) => `${name}: ${route}`),
      [
        'postOrders: POST /app/orders',
        'getOrdersId: GET /app/orders/{id}',
        'callDelete: DELETE /app/orders/{id}',
        'getOrdersIdProof: GET /app/orders/{id}/proof',
        'putPicture: PUT /app/picture',
      ],
    );
  });

  test('type-checks, and so do right calls; wrong ones do not', () => {
    const { module } = generateClient(document, { library });
    const use = `
      import type { Session } from '@coco/client';
      import { callDelete, getOrdersId, getOrdersIdProof, putPicture, postOrders, type Order } from './client.ts';
      export async function use(session: Session): Promise<Order> {
        const { body, outcome } = await postOrders(session, { json: { item: 'x' } }, { receipt: true });
        const id: number = outcome === 'Committed' ? body : 0;
        const proof: string = await getOrdersIdProof(session, { params: { id }, at: { view: 2, seqno: 3 } });
        await putPicture(session, { body: proof });
        await callDelete(session, { params: { id } });
        return getOrdersId(session, { params: { id }, query: { deep: true } });
      }
      export function wrong(session: Session): void {
        // @ts-expect-error: an order has an item
        void postOrders(session, { json: { count: 1 } });
        // @ts-expect-error: the id is a number
        void getOrdersId(session, { params: { id: 'x' } });
        // @ts-expect-error: a past state needs its transaction
        void getOrdersIdProof(session, { params: { id: 1 } });
      }`;
    assert.equal(problems({ 'client.ts': module, 'use.ts': use }), '');
  });

  test('is code only where we wrote it, whatever the document says', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what must not become a template.
    const evil = '*/ process.exit(1); /* ` ${process.exit(1)} \u2028 process.exit(1) //';
    const hostile = {
      info: { title: evil, version: `\n${evil}` },
      paths: {
        [`/app/${evil}/{${evil}}`]: {
          get: {
            operationId: evil,
            summary: evil,
            parameters: [{ name: evil, in: 'query', schema: { enum: [evil], type: evil } }],
            requestBody: { content: { [`${evil}"`]: {} } },
            responses: { 200: { content: { 'application/json': { schema: ref(evil) } } } },
          },
          post: { operationId: '__proto__', parameters: 5, responses: evil },
        },
      },
      components: {
        schemas: { [evil]: { type: 'object', properties: { [evil]: { const: evil } } }, __proto__: {} },
      },
    };
    const { module } = generateClient(hostile, { library });
    assert.equal(problems({ 'hostile.ts': module }), '');
    // What is left without comments and texts names nothing of the document.
    const code = module.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\]|\\.)*"/g, '');
    assert.doesNotMatch(code, /process\.exit/);
  });

  test('needs a document', () => {
    for (const nothing of [
      null,
      [],
      {},
      { paths: 5 },
      { paths: {} },
      { paths: { '/app/tx': { get: {} } } },
    ]) {
      assert.throws(() => generateClient(nothing, { library }), { code: 'Failed' });
    }
  });
});

function ref(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}
