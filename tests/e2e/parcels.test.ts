// Three companies, three processes, one ledger: what two of them deal is on their two disks and not on the third.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { submit } from '@coco/client';
import { parseCertificate } from '@coco/crypto';
import type { LocalNode } from '../../apps/cli/src/dev/local-network.ts';
import { govern, keysOf, startService } from '../workloads/service.ts';
import { untilLed, untilLevel } from './network-driver.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const parties = ['bank', 'mill', 'baker'];
const secret = 'two hundred sacks of rye at 41.70';

const source = `
const deals = ccf.kv['audience:deals'];
export function place({ params, body }) {
  ccf.access.setAudience(['party:mill', 'party:baker']);
  deals.set(ccf.strToBuf(params.id), ccf.strToBuf(body.text()));
  return {};
}
export function read({ params }) {
  const row = deals.get(ccf.strToBuf(params.id));
  return row === undefined ? { statusCode: 404 } : { body: ccf.bufToStr(row) };
}`;

const endpoint = (js_function: string, mode: string) => ({
  js_module: 'deals.js',
  js_function,
  mode,
  forwarding_required: mode === 'readwrite' ? 'always' : 'sometimes',
  redirection_strategy: 'none',
  authn_policies: ['user_cert'],
  access: { home: 'parties' as const },
  openapi: {},
});

const bundle = {
  metadata: {
    endpoints: { '/deals/{id}': { put: endpoint('place', 'readwrite'), get: endpoint('read', 'readonly') } },
  },
  modules: [{ name: 'deals.js', module: source }],
};

/** Every byte of every file below a folder. Looks again where its node has renamed one meanwhile. */
function bytesIn(folder: string): string {
  for (let looks = 1; ; looks++) {
    try {
      const found = readdirSync(folder, { recursive: true, withFileTypes: true });
      const files = found.filter((entry) => entry.isFile());
      return files.map(({ name, parentPath }) => readFileSync(join(parentPath, name), 'latin1')).join('\\n');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || looks === 10) throw error;
    }
  }
}

/** Joiners take the ledger from its first entry, so that theirs can be audited without another's. */
function fromTheBeginning({ command }: Record<string, unknown>): void {
  const { join } = command as { join?: Record<string, unknown> };
  if (join) join.fetch_recent_snapshot = false;
}

const parcelsOf = ({ process }: LocalNode) => join(process.folder, 'ledger.parcels');

test('what two companies deal is on the disks of their nodes and on no other, and every ledger verifies', async () => {
  await using service = await startService({
    bundle,
    users: parties.length,
    nodes: parties.length,
    configure: fromTheBeginning,
  });
  const { network, workspace } = service;
  await govern(
    service,
    parties.flatMap((party, i) => [
      { name: 'set_party', args: { party } },
      {
        name: 'set_access_user',
        args: { user_id: parseCertificate(readFileSync(workspace.users[i]!.cert, 'utf8')).id, party },
      },
      { name: 'set_node_party', args: { node_id: network.nodes[i]!.id, party } },
    ]),
  );
  const leader = await untilLed(network.running);
  assert.equal(leader, network.nodes[0], 'the bank leads, which is of neither party');
  const at = (user: number, node: number) => network.session(keysOf(workspace, user), { first: node });
  const path = '/app/deals/order-77';
  const placed = await submit(at(1, 1), { method: 'PUT', path, body: new TextEncoder().encode(secret) });
  assert.equal(placed.outcome, 'Committed');
  await untilLevel(network.running);
  for (const node of [0, 1, 2]) {
    const read = await submit(at(2, node), { method: 'GET', path });
    assert.equal(new TextDecoder().decode(read.answer.body), secret, `asked at ${node}`);
  }
  const [bank, mill, baker] = network.nodes as [LocalNode, LocalNode, LocalNode];
  assert.ok(!existsSync(parcelsOf(bank)));
  const held = bytesIn(bank.process.folder);
  for (const node of [mill, baker]) {
    const sealed = bytesIn(parcelsOf(node));
    assert.ok(sealed.length > 500);
    for (let i = 0; i + 16 <= sealed.length; i += 16) assert.ok(!held.includes(sealed.slice(i, i + 16)));
  }
  assert.ok(!held.includes(secret) && !held.includes('order-77'));

  mill.process.kill('SIGKILL');
  const alone = await submit(at(1, 0), { method: 'GET', path });
  assert.equal(new TextDecoder().decode(alone.answer.body), secret, 'the baker lends it');
  for (const { process } of network.nodes) {
    const ledger = join(process.folder, 'ledger');
    const { stdout } = await run(join(root, 'bin/coco'), [
      'ledger',
      'verify',
      ledger,
      '--service-cert',
      workspace.serviceCert,
    ]);
    assert.match(stdout, /verif|sound/i);
  }
});
