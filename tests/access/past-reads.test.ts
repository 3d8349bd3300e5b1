import assert from 'node:assert/strict';
import { test } from 'node:test';
import { previewUndo } from '@coco/client';
import { MemoryService, person } from '../workloads/memory-service.ts';

const user = person('user');
const endpoint = {
  js_module: 'app.js',
  js_function: 'write',
  mode: 'readwrite',
  forwarding_required: 'always',
  authn_policies: ['user_cert'],
  openapi: {},
};
const bundle = {
  metadata: { endpoints: { '/write': { post: endpoint } } },
  modules: [
    {
      name: 'app.js',
      module: `export function write({ body }) {
        for (const key of body.json()) ccf.kv['rows'].set(ccf.strToBuf(String(key)), ccf.strToBuf('x'));
        return { statusCode: 200 };
      }`,
    },
  ],
};

test('what one transaction overwrote of many is read entry by entry, not with all that lies between', async () => {
  const actions = () => [{ name: 'set_user', args: { cert: user.certificate } }];
  const service = await MemoryService.open({ bundle, actions });
  const write = (json: number[]) => ({ who: user, method: 'POST', target: '/app/write', json });
  for (let at = 0; at < 6_000; at += 50)
    service.together(Array.from({ length: 50 }, (_, i) => write([at + i])));
  const keys = Array.from({ length: 60 }, (_, i) => i * 100);
  const { headers } = service.ask(user, 'POST', '/app/write', keys);
  service.settle();
  const asked = { transactions: [headers['x-ms-ccf-transaction-id'] ?? ''], policy: 'restore' } as const;
  const { changes } = await previewUndo(service.session(), service.signer(), asked);
  assert.equal(changes.length, keys.length);
  // Each of the sixty, and the signatures that vouch for them: some are read again for those asked for meanwhile.
  assert.ok(service.entriesRead < 300, `${service.entriesRead} entries were read`);
});
