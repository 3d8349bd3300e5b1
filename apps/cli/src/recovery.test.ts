// A disaster and what members do about it, with the tool alone: the node is lost, its ledger is not.
import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NodeProcess } from './dev/node-process.ts';
import { type Place, place } from './testing/place.ts';

const contract = fileURLToPath(new URL('../../../samples/contracts/logging', import.meta.url));
const service = 'workspace/sandbox_common/service_cert.pem';
const previous = 'workspace/previous_cert.pem';

/** Starts a node on the ledger that a stopped sandbox left behind. */
async function recovering(here: Place): Promise<{ node: NodeProcess; address: string }> {
  renameSync(here.file(service), here.file(previous));
  rmSync(here.file('workspace/sandbox_0/rpc_addresses.json'));
  const configuration = JSON.parse(readFileSync(here.file('workspace/sandbox_0/config.json'), 'utf8'));
  configuration.command = {
    type: 'Recover',
    service_certificate_file: here.file(service),
    recover: { previous_service_identity_file: here.file(previous) },
  };
  const node = new NodeProcess(here.file('workspace/sandbox_0'), configuration);
  return { node, address: await node.address(here.file(service), 30_000) };
}

test('a lost node is recovered by a vote and a share, and its receipts go on holding', async () => {
  using here = place();
  const dev = here.coco('dev', '-n', '127.0.0.1:0', '--js-app-bundle', contract);
  while (!here.progress.some((line) => line.includes('Ctrl-C'))) {
    await Promise.race([delay(20), dev.then(({ error }) => assert.fail(error))]);
  }
  const message = ['--data', '{"id": 1, "msg": "kept"}', '--receipt', 'receipt.json', '--profile', 'dev'];
  const before = await here.json('transaction', 'submit', 'POST', '/app/log/private', ...message);
  assert.equal(before.code, 0);
  here.stop();
  await dev;

  const { address, node: started } = await recovering(here);
  await using node = started;
  for (const profile of ['dev', 'dev-member'])
    await here.coco('profile', 'set', profile, '--address', address);
  const as = (profile: string, ...words: string[]) => here.json(...words, '--profile', profile);
  const until = async (words: string[], holds: (value: Record<string, unknown>) => boolean) => {
    for (let tries = 0; tries < 500 && node.running; tries++) {
      const { code, value } = await as('dev', ...words);
      if (code === 0 && holds(value)) return;
      await delay(20);
    }
    assert.fail(node.running ? words.join(' ') : node.died().message);
  };
  await until(['service', 'state'], ({ state }) => state === 'PartOfPublicNetwork');
  const [previous_service_identity, next_service_identity] = [previous, service].map((file) =>
    readFileSync(here.file(file), 'utf8'),
  );
  const args = { previous_service_identity, next_service_identity };
  const proposal = { actions: [{ name: 'transition_service_to_open', args }] };
  writeFileSync(here.file('open.json'), JSON.stringify(proposal));
  const proposed = await as('dev-member', 'governance', 'propose', 'open.json');
  assert.equal(proposed.value.proposalState, 'Accepted', JSON.stringify(proposed.value));
  const shared = await as('dev-member', 'governance', 'share');
  assert.deepEqual([shared.code, shared.value.submittedCount], [0, 1], JSON.stringify(shared.value));
  await until(['service', 'info'], ({ status }) => status === 'Open');

  const read = ['transaction', 'get', '/app/log/private?id=1'];
  await until(read, ({ body }) => (body as { msg?: string }).msg === 'kept');
  const transactionId = String(before.value.transactionId);
  assert.equal((await as('dev', 'receipt', 'get', transactionId, '--out', 'again.json')).code, 0);
  const verify = (file: string, cert: string) => here.json('receipt', 'verify', file, '--service-cert', cert);
  assert.equal((await verify('receipt.json', previous)).code, 0);
  assert.equal((await verify('again.json', service)).code, 0);
  assert.equal((await verify('receipt.json', service)).value.step, 'node-certificate');
  assert.equal((await as('dev', 'transaction', 'submit', 'POST', '/app/log/private', ...message)).code, 0);
});
