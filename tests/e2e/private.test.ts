// Private transactions of a real service, over TLS, as a party uses them: client, tool, stream, disclosure.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import {
  discloseTransaction,
  privateTransactions,
  type Session,
  submit,
  transactionEvents,
  verifyDisclosure,
} from '@coco/client';
import { parseCertificate } from '@coco/crypto';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { govern, type Service, startService } from '../workloads/service.ts';

const root = dirname(dirname(import.meta.dirname));
const run = promisify(execFile);
const parties = ['grocer', 'mill', 'baker'];

async function market(): Promise<Service> {
  const { bundle } = await buildBundle(join(root, 'samples/contracts/trade'));
  const service = await startService({ bundle, users: parties.length });
  await govern(service, [
    ...parties.map((party) => ({ name: 'set_party', args: { party } })),
    ...service.workspace.users.map(({ cert }, i) => ({
      name: 'set_access_user',
      args: { user_id: parseCertificate(readFileSync(cert, 'utf8')).id, party: parties[i] },
    })),
  ]);
  return service;
}

const grantToBaker = {
  grant: 'review',
  to: 'party:baker',
  from: '2020-01-01T00:00:00Z',
  until: '2040-01-01T00:00:00Z',
  expires: '2040-01-01T00:00:00Z',
  purpose: 'review of prices',
};

async function order(session: Session, number: string, unitPrice: number): Promise<void> {
  const json = { number, seller: 'mill', goods: 'flour', quantity: 2, unitPrice };
  const done = await submit(session, { method: 'POST', path: '/app/orders', json });
  assert.equal(done.outcome, 'Committed', new TextDecoder().decode(done.answer.body));
}

test('a party lists, follows and discloses its own, and a competitor nothing of it', async () => {
  await using service = await market();
  const [grocer, mill, baker] = [0, 1, 2].map((user) => service.session(user)) as [Session, Session, Session];
  const stop = new AbortController();
  const told: string[] = [];
  const following = (async () => {
    for await (const { transaction } of transactionEvents(mill, {
      from: '2020-01-01T00:00:00Z',
      signal: stop.signal,
    })) {
      if (told.push(transaction.reference) === 2) stop.abort();
    }
  })();
  await order(grocer, '1', 100);
  await order(baker, '1', 90);
  await following;

  const seenBy = async (session: Session) => {
    const seen = [];
    for await (const item of privateTransactions(session)) seen.push(item);
    return seen;
  };
  const [own] = await seenBy(grocer);
  assert.equal((await seenBy(grocer)).length, 1);
  assert.deepEqual((await seenBy(mill)).map(({ reference }) => reference).sort(), told.sort());
  assert.ok(own);

  const shown = await discloseTransaction(grocer, own.reference, { fields: ['seller', 'unitPrice'] });
  const { fields } = verifyDisclosure(shown, service.certificate);
  assert.deepEqual(Object.fromEntries(fields), { seller: 'mill', unitPrice: 100 });
  assert.doesNotMatch(JSON.stringify(shown.claims), /flour|grocer/);
  await assert.rejects(discloseTransaction(baker, own.reference), /There is no such transaction/);

  const file = join(service.folder, 'shown.json');
  const coco = (...args: string[]) =>
    run(join(root, 'bin/coco'), args, { env: { ...process.env, HOME: service.folder } });
  const user = service.workspace.users[0];
  assert.ok(user);
  const connection = [
    '--address',
    service.url,
    '--service-cert',
    service.workspace.serviceCert,
    '--cert',
    user.cert,
    '--key',
    user.key,
  ];
  const { stdout } = await coco('transaction', 'list', ...connection);
  assert.match(stdout, new RegExp(`^${own.reference} .*POST /orders +party:grocer +party:grocer party:mill`));

  assert.equal((await coco('transaction', 'looks', ...connection)).stdout, 'none\n');
  await govern(service, [{ name: 'set_access_grant', args: grantToBaker }]);
  const path = `/app/transactions/${own.reference}?grant=review`;
  const looked = await submit(baker, { method: 'GET', path });
  assert.equal(looked.outcome, 'Committed', 'a look is a transaction');
  const looks = await coco('transaction', 'looks', ...connection);
  assert.match(
    looks.stdout,
    /^20\S+ +review +party:baker +party:grocer party:mill +1 transaction +\/app\/transactions\/\S+\n$/,
  );

  await coco('receipt', 'disclose', own.reference, '--field', 'seller', '--out', file, ...connection);
  const checked = await coco(
    'receipt',
    'check-disclosure',
    file,
    '--service-cert',
    service.workspace.serviceCert,
  );
  assert.match(checked.stdout, /seller +"mill"/);
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/"disclosures": \[\s*"./, (text) => `${text.slice(0, -1)}X`),
  );
  await assert.rejects(
    coco('receipt', 'check-disclosure', file, '--service-cert', service.workspace.serviceCert),
  );
});
