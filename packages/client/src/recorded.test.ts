import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Answer } from './answer.ts';
import { ballotOf, proposal, proposalActions, proposals, serviceInfo, users } from './governance.ts';
import { historical } from './historical.ts';
import { nodeState, nodes } from './identity.ts';
import { Session } from './session.ts';
import { scripted } from './testing/scripted.ts';
import { lastCommitted, submit, transactionStatus } from './transactions.ts';

const recordings = join(import.meta.dirname, '../../../../shared/data/ccf-wire');
const skip = existsSync(recordings) ? false : 'recorded exchanges not present';
const id = 'eee42d3bf331f01198c69858f9bef65a9a80d0249cc043a5d03421414bccf28b';
const memberId = '62197d86f2dff9d818799303ed9116c5f7f6acd0ac6f301a1e395598ed2a1fcf';

/** What a real CCF answered. */
function recorded(name: string): Answer {
  const bytes = readFileSync(join(recordings, `${name}.res`));
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers),
    body: new Uint8Array(bytes.subarray(end + 4)),
  };
}

function replay(...names: string[]) {
  const wire = scripted(names.map(recorded));
  return {
    ...wire,
    session: new Session(wire.world, { addresses: ['https://a:1'], serviceCertificate: '' }),
  };
}

/** The path that our request has must be the one that was recorded. */
function samePath(name: string, url: string | undefined): void {
  const [line = ''] = readFileSync(join(recordings, `${name}.req`), 'latin1').split('\r\n', 1);
  const { pathname, search } = new URL(url ?? '');
  assert.equal(pathname + search, line.split(' ')[1]);
}

test("CCF's answers are understood: node", { skip }, async () => {
  const state = replay('js/node_state');
  assert.equal((await nodeState(state.session)).state, 'PartOfNetwork');
  samePath('js/node_state', state.seen[0]?.url);
  const trusted = await nodes(replay('js/node_nodes_filter_status').session);
  assert.deepEqual(
    trusted.map(({ status }) => status),
    trusted.map(() => 'Trusted'),
  );
  assert.deepEqual(await lastCommitted(replay('js/node_commit').session), { view: 2, seqno: 18 });
});

test("CCF's answers are understood: governance", { skip }, async () => {
  const info = replay('js/gov_service_info');
  assert.equal((await serviceInfo(info.session)).configuration.recoveryThreshold, 3);
  samePath('js/gov_service_info', info.seen[0]?.url);
  const listed = replay('js/gov_service_users');
  const found: string[] = [];
  for await (const { userId } of users(listed.session)) found.push(userId);
  assert.equal(found.length, 2);
  samePath('js/gov_service_users', listed.seen[0]?.url);
  assert.equal((await proposal(replay('js/prop_get_accepted').session, id)).proposalState, 'Accepted');
  const actions = replay('js/prop_actions');
  assert.equal((await proposalActions(actions.session, id)).actions[0]?.name, 'set_member_data');
  samePath('js/prop_actions', actions.seen[0]?.url);
  const ballot = replay('js/prop_ballot_get');
  assert.match((await ballotOf(ballot.session, id, memberId)) ?? '', /^export function vote/);
  samePath('js/prop_ballot_get', ballot.seen[0]?.url);
  assert.equal(await ballotOf(replay('js/prop_ballot_get_missing').session, id, memberId), undefined);
  for await (const row of proposals(replay('js/gov_members_proposals').session)) assert.ok(row.proposalId);
});

test("CCF's answers are understood: a write, its commit, and its past", { skip }, async () => {
  const write = { method: 'POST', path: '/app/log/private' };
  const wire = replay('extra/primary_post', 'extra/backup_tx_immediately', 'extra/backup_tx_committed');
  assert.equal((await submit(wire.session, write)).outcome, 'Committed');
  const unknown = replay('js/app_tx_unknown');
  assert.equal(await transactionStatus(unknown.session, { view: 2, seqno: 999999 }), 'Unknown');
  samePath('js/app_tx_unknown', unknown.seen[0]?.url);
  const past = replay('js/app_historical_range', 'js/app_historical');
  assert.equal((await historical(past.session, '/app/log', { view: 2, seqno: 20 })).status, 200);
});

test("CCF's refusals say what was wrong", { skip }, async () => {
  await assert.rejects(serviceInfo(replay('js/gov_api_no_version').session), {
    code: 'Refused',
    message: /400 MissingApiVersionParameter/,
  });
  const refused = await submit(replay('js/app_401_nocert').session, { method: 'POST', path: '/app/log' });
  assert.equal(refused.outcome, 'Refused');
});
