import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '@coco/contracts';
import { type ContractLogRules, contractLogRules } from '@coco/governance';
import { Store } from '@coco/kv';
import { ContractLog } from './contract-log.ts';
import { Authentication } from './frontend/authentication.ts';
import { limits } from './limits.ts';

const call = { at: 1, method: 'POST', path: '/app/notes' };
const silent: Outcome = { kind: 'response', status: 200, headers: [], body: '', log: [] };
const printing = (text: string): Outcome => ({ ...silent, log: [{ level: 'info', text }] });
const anybody = {
  session: { id: 1, interface: 'main', clientCertificate: null },
  request: { method: 'GET', target: '/', headers: {}, body: new Uint8Array() },
};

function logOf(rules?: ContractLogRules): { log: ContractLog; store: Store } {
  const store = new Store();
  const log = new ContractLog(store, new Authentication(store));
  if (rules !== undefined) vote(store, rules);
  return { log, store };
}

function vote(store: Store, rules: ContractLogRules): void {
  const tx = store.begin();
  contractLogRules.set(tx, rules);
  tx.commit();
}

test('what printed or failed is noted, with its limit; all else only when members want every call', () => {
  const { log, store } = logOf();
  log.note(call, 200, silent, { view: 2, seqno: 7 });
  log.note(call, 200, printing('hello'), { view: 2, seqno: 8 });
  const ended: Outcome = {
    kind: 'failed',
    code: 'InternalError',
    message: 'Operation took too long to complete.',
    limit: 'time',
    log: [],
  };
  log.note(call, 500, ended, undefined);
  assert.deepEqual(log.after(0), [
    {
      number: 1,
      ...call,
      status: 200,
      transaction_id: '2.8',
      printed: [{ level: 'info', text: 'hello' }],
    },
    {
      number: 2,
      ...call,
      status: 500,
      failure: { reason: 'Operation took too long to complete.', limit: 'time' },
      printed: [],
    },
  ]);
  vote(store, { readers: ['user_cert'], every_call: true });
  log.note(call, 200, silent, undefined);
  assert.deepEqual(
    log.after(2).map(({ number, status }) => [number, status]),
    [[3, 200]],
  );
});

const readers: [what: string, rules: ContractLogRules | undefined, status: number | undefined][] = [
  ['nobody was allowed', undefined, 403],
  ['the list is empty, which for an endpoint means everybody', { readers: [] }, 403],
  ['a certificate is needed', { readers: ['user_cert'] }, 401],
  ['everybody is allowed by name', { readers: ['no_auth'] }, undefined],
];
for (const [what, rules, status] of readers) {
  test(`a stranger reads the log only if he may: ${what}`, () => {
    assert.equal(logOf(rules).log.refuse(anybody, 0)?.status, status);
  });
}

test('the log is bounded in calls and in characters', () => {
  const { log } = logOf();
  for (let i = 0; i < limits.contractLogCallsMax + 5; i++) log.note(call, 200, printing('x'), undefined);
  assert.equal(log.after(0).length, limits.contractLogCallsMax);
  assert.equal(log.after(0)[0]?.number, 6);
  const huge = 'x'.repeat(Math.ceil(limits.contractLogCharactersMax / 2));
  for (let i = 0; i < 3; i++) log.note(call, 200, printing(huge), undefined);
  assert.equal(log.after(0).length, 1);
});
