// What members get wrong, and what they do at the same moment, at a real daemon.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  ack,
  ClientError,
  constitution,
  govRequest,
  idOf,
  keySigner,
  plainBallot,
  proposal,
  propose,
  type Session,
  type Signer,
  sendEnvelope,
  signMessage,
  vote,
} from '@coco/client';
import { type Service, startService } from '../workloads/service.ts';

const samples = fileURLToPath(new URL('../../samples/constitutions', import.meta.url));
const nothing = { actions: [] };

describe('members of a service', { timeout: 120_000 }, () => {
  let service: Service;
  let session: Session;
  let signers: readonly [Signer, Signer, Signer];

  before(async () => {
    service = await startService({ members: 3, constitution: [join(samples, 'default')] });
    session = service.session();
    const [a, b, c] = service.workspace.members.map(({ cert, key }) =>
      keySigner(readFileSync(cert, 'utf8'), readFileSync(key, 'utf8')),
    );
    assert.ok(a && b && c);
    signers = [a, b, c];
  });
  after(() => service?.[Symbol.asyncDispose]());

  /** The status and code of a refusal. */
  const refusal = async (asked: Promise<unknown>): Promise<string> => {
    try {
      await asked;
      return 'accepted';
    } catch (error) {
      if (!(error instanceof ClientError) || error.refusal === undefined) throw error;
      return `${error.refusal.status} ${error.refusal.code}`;
    }
  };
  const opened = async (): Promise<string> => (await propose(session, signers[0], nothing)).proposalId;
  const yes = plainBallot(true);
  const now = () => session.world.now();

  test('a proposal over the size limit is refused, and the next one is heard', async () => {
    const actions = [{ name: 'set_constitution', args: { constitution: ' '.repeat(2_000_000) } }];
    assert.equal(await refusal(propose(session, signers[0], { actions })), '413 RequestBodyTooLarge');
    assert.match(await opened(), /^[0-9a-f]{64}$/);
  });

  test('an envelope that was sent before, is out of date, or was changed is refused', async () => {
    const { message, path } = govRequest.propose(nothing, now());
    const envelope = await signMessage(message, signers[0]);
    await sendEnvelope(session, path, envelope);
    assert.equal(await refusal(sendEnvelope(session, path, envelope)), '400 ProposalReplay');
    const stale = await signMessage({ ...message, createdAt: 1_000_000_000 }, signers[0]);
    assert.equal(await refusal(sendEnvelope(session, path, stale)), '400 ProposalCreatedTooLongAgo');
    const tampered = Uint8Array.from(envelope);
    // The time of signing is the last of the protected header: one second later, and not what was signed.
    const at = Buffer.from(tampered).indexOf('ccf.gov.msg.created_at') + 'ccf.gov.msg.created_at'.length + 4;
    tampered[at] = (tampered[at] ?? 0) ^ 1;
    assert.equal(await refusal(sendEnvelope(session, path, tampered)), '401 InvalidAuthenticationInfo');
  });

  test('a ballot for another member, or one for another proposal, is refused', async () => {
    const proposalId = await opened();
    const ids = { proposalId, memberId: idOf(signers[1].certificate) };
    const { message, path } = govRequest.vote(ids, yes, now());
    const forged = await signMessage(message, signers[0]);
    assert.equal(await refusal(sendEnvelope(session, path, forged)), '400 InvalidResourceName');
    const elsewhere = path.replace(proposalId, await opened());
    const own = await signMessage(message, signers[1]);
    assert.equal(await refusal(sendEnvelope(session, elsewhere, own)), '400 InvalidResourceName');
  });

  test('a law that does not parse, or locks everybody out, is not even proposed', async () => {
    const law = await constitution(session);
    const never = law.replace(/export function resolve\(.*\{/, '$&\n  return "Open";');
    assert.notEqual(never, law);
    for (const text of ['export function', never]) {
      const actions = [{ name: 'set_constitution', args: { constitution: text } }];
      assert.equal(await refusal(propose(session, signers[0], { actions })), '400 ProposalFailedToValidate');
    }
  });

  test('of two ballots that each would decide, sent at the same moment, one does', async () => {
    const [a, b, c] = signers;
    const proposalId = await opened();
    await vote(session, a, proposalId, yes);
    const both = await Promise.all([b, c].map((signer) => refusal(vote(session, signer, proposalId, yes))));
    assert.deepEqual(both.sort(), ['400 ProposalNotOpen', 'accepted']);
    assert.equal((await proposal(session, proposalId)).ballotCount, 2);
    assert.equal(await refusal(vote(session, a, proposalId, plainBallot(false))), '400 ProposalNotOpen');
  });

  test('of two proposals for a new law that are decided at the same moment, one becomes it', async () => {
    const [a, b] = signers;
    const law = await constitution(session);
    const laws = ['// one', '// other'].map((line) => `${law}\n${line}`);
    const ids: string[] = [];
    for (const text of laws) {
      const actions = [{ name: 'set_constitution', args: { constitution: text } }];
      const { proposalId } = await propose(session, a, { actions });
      await vote(session, a, proposalId, yes);
      ids.push(proposalId);
    }
    const ends = await Promise.all(ids.map((id) => refusal(vote(session, b, id, yes))));
    assert.deepEqual([...ends].sort(), ['400 ProposalNotOpen', 'accepted']);
    assert.equal(await constitution(session), laws[ends.indexOf('accepted')]);
  });

  test('a member that was removed is a stranger', async () => {
    const [a, b, c] = signers;
    const actions = [{ name: 'remove_member', args: { member_id: idOf(c.certificate) } }];
    const { proposalId } = await propose(session, a, { actions });
    for (const signer of [a, b]) await vote(session, signer, proposalId, yes);
    for (const asked of [propose(session, c, nothing), vote(session, c, proposalId, yes), ack(session, c)]) {
      assert.equal(await refusal(asked), '401 InvalidAuthenticationInfo');
    }
  });
});
