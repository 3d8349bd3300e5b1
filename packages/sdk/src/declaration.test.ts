import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineApp, endpoint, metadataOf, openApiOf, Refusal, type Route, serve } from './index.ts';
import { app } from './testing/contract/src/app.ts';

const open = { mode: 'readonly', auth: [], handler: () => 1 } as const;
type Json = Record<string, unknown>;

test('the metadata is what governance installs', () => {
  const { endpoints } = metadataOf(app, 'app.js');
  const { openapi, ...order } = endpoints['/orders/{shop}']?.post ?? { openapi: {} };
  assert.deepEqual(order, {
    js_module: 'app.js',
    js_function: 'post_orders_shop',
    forwarding_required: 'always',
    redirection_strategy: 'to_primary',
    authn_policies: ['user_cert', 'jwt'],
    mode: 'readwrite',
    interpreter_reuse: { key: 'app' },
  });
  assert.equal((openapi as { operationId: string }).operationId, 'post_orders_shop');
  assert.equal(endpoints['/hidden']?.get?.openapi_hidden, true);
  assert.equal(endpoints['/past/{word}']?.get?.forwarding_required, 'never');
});

test('compensations are declared for governance, under names of their own', () => {
  assert.deepEqual(metadataOf(app, 'app.js').compensations, [{ js_module: 'app.js', js_function: 'refund' }]);
  for (const name of ['get_hello', 'index_x', 'no words'])
    assert.throws(
      () => defineApp({ 'GET /hello': endpoint(open) }, { compensations: { [name]: () => {} } }),
      { code: 'DeclarationInvalid' },
      name,
    );
});

test('a declaration that keeps interpreters apart says nothing of reuse', () => {
  const metadata = metadataOf(defineApp({ 'GET /a': endpoint(open) }, { reuseInterpreter: false }), 'app.js');
  assert.equal('interpreter_reuse' in (metadata.endpoints['/a']?.get ?? {}), false);
});

test('OpenAPI describes parameters, bodies, answers and who may ask', () => {
  const document = openApiOf(app) as { info: Json; paths: Record<string, Record<string, Json>> };
  assert.deepEqual(document.info, { title: 'Shop', version: '1.2.3' });
  const order = document.paths['/app/orders/{shop}']?.post ?? {};
  assert.deepEqual(
    (order.parameters as Json[]).map((parameter) => [parameter.name, parameter.in, parameter.required]),
    [
      ['shop', 'path', true],
      ['tag', 'query', false],
    ],
  );
  assert.deepEqual(order.security, [{ user_cert: [] }, { jwt: [] }]);
  assert.deepEqual(Object.keys(order.responses as Json), ['201']);
  const body = order.requestBody as { content: { 'application/json': { schema: { required: string[] } } } };
  assert.deepEqual(body.content['application/json'].schema.required, ['items']);
  const past = document.paths['/app/past/{word}']?.get?.parameters as Json[];
  assert.deepEqual(past.at(-1)?.name, 'x-ms-ccf-transaction-id');
  assert.equal(document.paths['/app/hidden'], undefined);
});

test('a schema with references within has a base for them', () => {
  interface Tree {
    readonly children: readonly Tree[];
  }
  const Tree: z.ZodType<Tree> = z.object({ children: z.lazy(() => z.array(Tree)) }).meta({ id: 'Tree' });
  const pair = z.object({ left: Tree, right: Tree });
  const document = openApiOf(
    defineApp({ 'GET /tree': endpoint({ ...open, response: pair, handler: never }) }),
  );
  const schema = JSON.stringify(document);
  if (schema.includes('#/$defs/')) assert.match(schema, /"\$id":"urn:schema:[0-9a-f]{8}"/);
});

const never = (): never => {
  throw new Refusal(404, 'Nothing', 'Nothing.');
};

const refused: [route: string, reason: RegExp][] = [
  ['FETCH /a', /not a method and a path/],
  ['GET a', /not a method and a path/],
  ['GET /a?b', /not a method and a path/],
  ['GET /{a}/{a}', /each used once/],
  ['GET /{a-b}', /are words/],
];
for (const [route, reason] of refused) {
  test(`${route} is not a route`, () => {
    assert.throws(() => defineApp({ [route as Route]: endpoint(open) }), {
      code: 'DeclarationInvalid',
      message: reason,
    });
  });
}

test('two routes that would have one function are refused', () => {
  assert.throws(() => defineApp({ 'GET /a/b': endpoint(open), 'GET /a-b': endpoint(open) }), {
    code: 'DeclarationInvalid',
    message: /GET \/a-b and GET \/a\/b/,
  });
});

test('a function for a route that is not declared is refused', () => {
  assert.throws(() => serve(app, 'GET /nowhere'), { code: 'DeclarationInvalid' });
});

test('types follow from the declaration', () => {
  endpoint({
    mode: 'readonly',
    auth: ['jwt'],
    params: z.object({ id: z.coerce.number() }),
    response: z.object({ id: z.number() }),
    handler({ params, caller, body, past }) {
      const subject: unknown = caller.jwt.payload.sub;
      // @ts-expect-error: a token has no certificate
      const missing: unknown = caller.cert;
      const nothing: undefined = body ?? past ?? undefined;
      return { id: params.id, ...(subject && missing && nothing ? {} : {}) };
    },
  });
  endpoint({
    mode: 'readonly',
    auth: [],
    response: z.object({ id: z.number() }),
    // @ts-expect-error: the answer is not what the response says
    handler: () => ({ id: 'x' }),
  });
  const ofId = endpoint({
    ...open,
    params: z.object({ id: z.string() }),
    handler: ({ params }) => params.id,
  });
  defineApp({ 'GET /x/{id}': ofId });
  // @ts-expect-error: the path has no parameter "id"
  assert.throws(() => metadataOf(defineApp({ 'GET /x/{other}': ofId }), 'app.js'), {
    code: 'DeclarationInvalid',
  });
});
