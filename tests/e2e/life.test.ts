// The life of a service under a constitution, with a real daemon: members open it, bring in users, a contract and
// a token issuer, look after nodes and keys, remove one of themselves, lose the node, recover, and have all of it
// replayed from the ledger files.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  ack,
  get,
  idOf,
  keySigner,
  members,
  network,
  nodeState,
  nodes,
  plainBallot,
  preview,
  propose,
  Session,
  type Signer,
  serviceInfo,
  submitShare,
  versioned,
  vote,
} from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import { generateKeyPair, issueCertificate, publicKeyToJwk, signEcdsa, toBase64Url } from '@coco/crypto';
import { Auditor } from '@coco/ledger';
import { type Bundle, buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { listChunks, readEntries } from '../../apps/cli/src/ledger/folder.ts';
import { replayGovernance } from '../../apps/cli/src/ledger/governance-replay.ts';
import { stockFolder, stockMissing } from '../../packages/governance/src/testing/texts.ts';
import { startRecovery } from '../workloads/recovery.ts';
import { type Service, startService } from '../workloads/service.ts';

const samples = fileURLToPath(new URL('../../samples', import.meta.url));
const issuerKey = generateKeyPair('P-256');
const issuer = 'https://issuer.example.com';
const today = new Date().toISOString();

interface Action {
  readonly name: string;
  readonly args?: unknown;
}

/** Proposes, and lets members vote until it is decided. Answers the state. */
async function pass(session: Session, signers: readonly Signer[], ...actions: Action[]): Promise<string> {
  const [proposer] = signers;
  assert.ok(proposer);
  let { proposalId, proposalState } = await propose(session, proposer, { actions });
  for (const signer of signers) {
    if (proposalState !== 'Open') break;
    ({ proposalState } = await vote(session, signer, proposalId, plainBallot(true)));
  }
  return proposalState;
}

function token(): string {
  const part = (value: unknown) => toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: 'somebody', nbf: now - 60, exp: now + 600 };
  const signed = `${part({ alg: 'ES256', kid: 'k1', typ: 'JWT' })}.${part(claims)}`;
  const signature = signEcdsa(issuerKey, new TextEncoder().encode(signed), {
    hash: 'SHA-256',
    format: 'p1363',
  });
  return `${signed}.${toBase64Url(signature)}`;
}

/** Asks again until it holds, as far as a bound. */
async function until(session: Session, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await holds().catch(() => false)) return;
    await session.world.sleep(20);
  }
  assert.fail('it does not come about');
}

async function grow(service: Service, signers: readonly Signer[], bundle: Bundle): Promise<void> {
  const session = service.session();
  for (const signer of signers) {
    await until(session, async () => (await ack(session, signer)).memberId !== '');
  }
  const user = readFileSync(service.workspace.users[0]?.cert ?? '', 'utf8');
  const bundleArgs = { bundle };
  const jwks = { keys: [publicKeyToJwk(issuerKey.publicKey, 'k1')] };
  assert.equal(
    await pass(
      session,
      signers,
      { name: 'set_user', args: { cert: user, user_data: { isAdmin: true } } },
      { name: 'set_js_app', args: bundleArgs },
      { name: 'set_jwt_issuer', args: { issuer, auto_refresh: false, jwks } },
      { name: 'transition_service_to_open', args: { next_service_identity: service.certificate } },
    ),
    'Accepted',
  );
  await until(session, async () => (await network(session)).service_status === 'Open');
  await until(
    session,
    async () => (await session.request({ method: 'GET', path: '/node/ready/app' })).status === 204,
  );
}

async function use(service: Service, signers: readonly Signer[]): Promise<void> {
  const session = service.session(0);
  const message = { method: 'POST', path: '/app/log/private', json: { id: 1, msg: 'kept' } };
  assert.equal((await session.request(message)).status, 200);
  const authorization = { headers: { authorization: `Bearer ${token()}` } };
  const bearer = service.session();
  const read = { method: 'GET', path: '/app/log/private?id=1', ...authorization };
  assert.equal((await bearer.request(read)).status, 200);

  // Once the issuer is gone its tokens are nothing.
  assert.equal(await pass(session, signers, { name: 'remove_jwt_issuer', args: { issuer } }), 'Accepted');
  assert.equal((await bearer.request(read)).status, 401);
}

async function lookAfter(service: Service, signers: readonly Signer[]): Promise<void> {
  const session = service.session();
  const [node] = await nodes(session);
  const node_id = node?.node_id ?? assert.fail();
  const before = await get<{ certificate: string }>(session, versioned(`/gov/service/nodes/${node_id}`));
  const renewal = { valid_from: today, validity_period_days: 30 };
  assert.equal(
    await pass(
      session,
      signers,
      { name: 'set_node_data', args: { node_id, node_data: { rack: 7 } } },
      { name: 'set_node_certificate_validity', args: { node_id, ...renewal } },
      { name: 'set_recovery_threshold', args: { recovery_threshold: 2 } },
      { name: 'trigger_ledger_rekey' },
    ),
    'Accepted',
  );
  const now = await get<{ certificate: string; nodeData: unknown }>(
    session,
    versioned(`/gov/service/nodes/${node_id}`),
  );
  assert.deepEqual(now.nodeData, { rack: 7 });
  assert.notEqual(now.certificate, before.certificate);
  assert.equal((await serviceInfo(session)).configuration.recoveryThreshold, 2);
}

/** A newcomer and its first node come in by one proposal; the node leaves again by another. */
async function admit(service: Service, signers: readonly Signer[]): Promise<void> {
  const { network: nodes } = service;
  const session = service.session();
  const joiner = await nodes.join(1);
  const recorded = async () =>
    get<{ status: string }>(session, versioned(`/gov/service/nodes/${joiner.id}`)).then(
      ({ status }) => status,
    );
  await until(session, async () => (await recorded()) === 'Pending');
  const cert = newcomerCertificate();
  const actions = [
    { name: 'set_member', args: { cert, member_data: { name: 'newcomer' } } },
    { name: 'transition_node_to_trusted', args: { node_id: joiner.id, valid_from: today } },
  ];
  assert.equal(await pass(session, signers, ...actions), 'Accepted');
  await until(session, async () => (await nodeState(joiner.session)).state === 'PartOfNetwork');
  const found: string[] = [];
  for await (const { memberId, status } of members(session)) if (status === 'Accepted') found.push(memberId);
  assert.deepEqual(found, [idOf(cert)]);
  await nodes.retire(joiner);
  await joiner.process[Symbol.asyncDispose]();
}

function newcomerCertificate(): string {
  const key = generateKeyPair('P-256');
  const now = Date.now();
  return issueCertificate({
    subject: 'CN=newcomer',
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: now - 60_000,
    notAfter: now + 3_600_000,
    serial: new Uint8Array([1]),
  }).pem;
}

async function removeOne(service: Service, signers: readonly Signer[], memberId: string): Promise<void> {
  const session = service.session();
  const gone = signers.at(-1) ?? assert.fail();
  const leave = { name: 'remove_member', args: { member_id: memberId } };
  const told = await preview(session, gone, { actions: [leave] });
  assert.deepEqual(told.effects, ['triggerLedgerRekey']);
  assert.equal(await pass(session, signers, leave), 'Accepted');
  await assert.rejects(propose(session, gone, { actions: [] }), { code: 'Refused' });
}

async function recover(service: Service, signers: readonly Signer[]): Promise<void> {
  await service.node[Symbol.asyncDispose]();
  await using recovering = await startRecovery(service);
  const { certificate, url } = recovering;
  using transport = httpsTransport({ serviceCertificate: certificate });
  const session = new Session(nodeWorld(transport), { addresses: [url], serviceCertificate: certificate });
  const args = { previous_service_identity: service.certificate, next_service_identity: certificate };
  assert.equal(await pass(session, signers, { name: 'transition_service_to_open', args }), 'Accepted');
  for (const [i, signer] of signers.entries()) {
    const key = service.workspace.members[i]?.encryptionKey ?? assert.fail();
    const { submittedCount } = await submitShare(session, signer, readFileSync(key, 'utf8'));
    assert.equal(submittedCount, i + 1);
  }
  await until(session, async () => (await network(session)).service_status === 'Open');
  const person = service.workspace.users[0] ?? assert.fail();
  const client = {
    certificate: readFileSync(person.cert, 'utf8'),
    privateKey: readFileSync(person.key, 'utf8'),
  };
  using asUser = httpsTransport({ serviceCertificate: certificate, client });
  const user = new Session(nodeWorld(asUser), { addresses: [url], serviceCertificate: certificate });
  await until(user, async () => {
    const answer = await user.request({ method: 'GET', path: '/app/log/private?id=1' });
    return new TextDecoder().decode(answer.body).includes('kept');
  });
}

/** Everything that happened follows from what members signed. */
function replay(service: Service, certificate: string): void {
  const governance = replayGovernance();
  const auditor = new Auditor({ each: governance.each, trustedServiceCert: certificate });
  for (const item of readEntries(listChunks(join(service.workspace.node, 'ledger')))) {
    if (item.kind === 'entry') auditor.feed(item.bytes);
  }
  const { decisions, finding } = governance.finish();
  assert.deepEqual(auditor.finish().problems, []);
  assert.equal(finding, undefined, JSON.stringify(finding));
  assert.ok(decisions >= 8, `${decisions} decisions`);
}

/** `folders`: where the scripts of the constitution are, the first that has one. */
async function live(...folders: readonly string[]): Promise<void> {
  const { bundle } = await buildBundle(join(samples, 'contracts/logging'));
  await using service = await startService({ members: 3, constitution: folders, unopened: true });
  const signers = service.workspace.members.map(({ cert, key }) =>
    keySigner(readFileSync(cert, 'utf8'), readFileSync(key, 'utf8')),
  );
  await grow(service, signers, bundle);
  await use(service, signers);
  await lookAfter(service, signers);
  await admit(service, signers);
  const [, , third] = signers;
  await removeOne(service, signers, idOf(third?.certificate ?? ''));
  await recover(service, signers.slice(0, 2));
  replay(service, readFileSync(service.workspace.serviceCert, 'utf8'));
}

describe('the life of a service, from opening to recovery', { timeout: 280_000 }, () => {
  test('under our default constitution', () => live(join(samples, 'constitutions/default')));
  test("under CCF's own constitution, unchanged", { skip: stockMissing }, () => live(stockFolder('default')));
  test("under CCF's own sandbox constitution", { skip: stockMissing }, () =>
    live(stockFolder('sandbox'), stockFolder('default')),
  );
});
