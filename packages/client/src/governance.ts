import {
  apiVersion,
  contentType,
  type EncryptedShareOut,
  type GovMessageType,
  header,
  type MemberOut,
  type PreviewIn,
  type PreviewOut,
  type ProposalIn,
  type ProposalOut,
  type RecoveryOut,
  type ServiceInfoOut,
  type StateDigestOut,
  type UndoPreviewIn,
  type UserOut,
} from '@coco/api';
import { fromBase64, importPrivateKey, rsaOaepUnwrap, toBase64 } from '@coco/crypto';
import { accepted, jsonOf, textOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { get } from './identity.ts';
import { list } from './lists.ts';
import type { Request, Session } from './session.ts';
import { type GovMessage, idOf, type Signer, signMessage } from './signing.ts';

/** A governance request before it is signed: where it goes and what is signed. */
export interface GovRequest {
  readonly path: string;
  readonly message: GovMessage;
}

const votesYes = 'export function vote (proposal, proposerId) { return true; }';
const votesNo = 'export function vote (proposal, proposerId) { return false; }';

/** The source of a ballot that always votes one way. */
export function plainBallot(vote: boolean): string {
  return vote ? votesYes : votesNo;
}

/**
 * The requests of a member. `now` is milliseconds since the epoch and dates the message. Each can be sent
 * with `sendSigned`, or drafted, signed elsewhere and sent with `sendEnvelope`.
 */
export const govRequest = {
  propose: (proposal: ProposalIn | string, now: number): GovRequest =>
    governed('proposal', '/gov/members/proposals:create', proposal, now),

  previewUndo: (asked: UndoPreviewIn, now: number): GovRequest =>
    governed('preview', '/gov/service/undo:preview', asked, now),

  vote: (ids: { proposalId: string; memberId: string }, ballot: string, now: number): GovRequest =>
    governed(
      'ballot',
      `/gov/members/proposals/${id(ids.proposalId)}/ballots/${id(ids.memberId)}:submit`,
      { ballot },
      now,
      ids.proposalId,
    ),

  withdraw: (proposalId: string, now: number): GovRequest =>
    governed('withdrawal', `/gov/members/proposals/${id(proposalId)}:withdraw`, '', now, proposalId),

  updateDigest: (memberId: string, now: number): GovRequest =>
    governed('state_digest', `/gov/members/state-digests/${id(memberId)}:update`, '', now),

  ack: (memberId: string, stateDigest: string, now: number): GovRequest =>
    governed('ack', `/gov/members/state-digests/${id(memberId)}:ack`, { stateDigest }, now),

  preview: (asked: PreviewIn, now: number): GovRequest =>
    governed('preview', '/gov/members/proposals:preview', asked, now),

  submitShare: (memberId: string, share: Uint8Array, now: number): GovRequest =>
    governed(
      'recovery_share',
      `/gov/recovery/members/${id(memberId)}:recover`,
      { share: toBase64(share) },
      now,
    ),
} as const;

/** Signs a governance request and sends it; resolves with the JSON answer, undefined when it has no body. */
export async function sendSigned<T>(session: Session, signer: Signer, request: GovRequest): Promise<T> {
  return sendEnvelope<T>(session, request.path, await signMessage(request.message, signer));
}

/** Sends an envelope that was signed before. */
export async function sendEnvelope<T>(session: Session, path: string, envelope: Uint8Array): Promise<T> {
  const request: Request = {
    method: 'POST',
    path: versioned(path),
    headers: { [header.contentType]: contentType.cose },
    body: envelope,
    // A second copy of a proposal is refused as a replay; of any other envelope it changes nothing more.
    repeatable: !path.endsWith(':create'),
  };
  const answer = accepted(await session.request(request), path);
  return (answer.body.length === 0 ? undefined : jsonOf(answer)) as T;
}

/** Proposes actions. A constitution may accept at once: look at `proposalState`. */
export function propose(
  session: Session,
  signer: Signer,
  proposal: ProposalIn | string,
): Promise<ProposalOut> {
  return sendSigned(session, signer, govRequest.propose(proposal, session.world.now()));
}

/**
 * What a proposal would change, and what ballots would decide: an open proposal by its id, or actions that
 * nobody has proposed yet. Nothing of it happens. A service that is CCF has no such endpoint (404).
 */
export function preview(session: Session, signer: Signer, asked: PreviewIn): Promise<PreviewOut> {
  return sendSigned(session, signer, govRequest.preview(asked, session.world.now()));
}

/** Votes on a proposal with the source of a ballot (see `plainBallot`). */
export function vote(
  session: Session,
  signer: Signer,
  proposalId: string,
  ballot: string,
): Promise<ProposalOut> {
  const ids = { proposalId, memberId: idOf(signer.certificate) };
  return sendSigned(session, signer, govRequest.vote(ids, ballot, session.world.now()));
}

/** Withdraws one's own proposal. */
export function withdraw(session: Session, signer: Signer, proposalId: string): Promise<ProposalOut> {
  return sendSigned(session, signer, govRequest.withdraw(proposalId, session.world.now()));
}

/** Acknowledges the latest state of the service: a new member becomes active by it. */
export async function ack(session: Session, signer: Signer): Promise<StateDigestOut> {
  const memberId = idOf(signer.certificate);
  const { now } = session.world;
  const update = govRequest.updateDigest(memberId, now());
  const digest = await sendSigned<StateDigestOut>(session, signer, update);
  await sendSigned(session, signer, govRequest.ack(memberId, digest.stateDigest, now()));
  return digest;
}

/** Fetches one's encrypted recovery share, decrypts it with the encryption key (PEM), and submits it. */
export async function submitShare(
  session: Session,
  signer: Signer,
  encryptionKeyPem: string,
): Promise<RecoveryOut> {
  const memberId = idOf(signer.certificate);
  const share = await decryptShare(session, memberId, encryptionKeyPem);
  return sendSigned(session, signer, govRequest.submitShare(memberId, share, session.world.now()));
}

/** A member's recovery share in the clear. Whoever holds enough of these can open the ledger. */
export async function decryptShare(
  session: Session,
  memberId: string,
  encryptionKeyPem: string,
): Promise<Uint8Array> {
  return rsaOaepUnwrap(importPrivateKey(encryptionKeyPem), await encryptedShare(session, memberId));
}

/** A member's recovery share, encrypted to its key by RSA-OAEP with SHA-256. */
export async function encryptedShare(session: Session, memberId: string): Promise<Uint8Array> {
  const path = versioned(`/gov/recovery/encrypted-shares/${id(memberId)}`);
  return fromBase64((await get<EncryptedShareOut>(session, path)).encryptedShare);
}

/** One proposal. */
export function proposal(session: Session, proposalId: string): Promise<ProposalOut> {
  return get(session, versioned(`/gov/members/proposals/${id(proposalId)}`));
}

/** What a proposal asks for, as its proposer signed it. */
export function proposalActions(session: Session, proposalId: string): Promise<ProposalIn> {
  return get(session, versioned(`/gov/members/proposals/${id(proposalId)}/actions`));
}

/** The proposals that the service still lists. */
export function proposals(session: Session): AsyncGenerator<ProposalOut, void, undefined> {
  return list(session, versioned('/gov/members/proposals'));
}

/** The source of a member's ballot; undefined when it has not voted. */
export async function ballotOf(
  session: Session,
  proposalId: string,
  memberId: string,
): Promise<string | undefined> {
  const path = versioned(`/gov/members/proposals/${id(proposalId)}/ballots/${id(memberId)}`);
  const answer = await session.request({ method: 'GET', path });
  return answer.status === 404 ? undefined : textOf(accepted(answer, path));
}

/** The open proposals on which a member has not voted yet; none for whoever is no active member. */
export async function waitingFor(session: Session, memberId: string): Promise<readonly ProposalOut[]> {
  const waiting: ProposalOut[] = [];
  if (!(await isActive(session, memberId))) return waiting;
  for await (const row of proposals(session)) {
    if (row.proposalState !== 'Open') continue;
    if ((await ballotOf(session, row.proposalId, memberId)) === undefined) waiting.push(row);
  }
  return waiting;
}

async function isActive(session: Session, memberId: string): Promise<boolean> {
  const path = versioned(`/gov/service/members/${id(memberId)}`);
  const answer = await session.request({ method: 'GET', path });
  return answer.status !== 404 && jsonOf<MemberOut>(accepted(answer, path)).status === 'Active';
}

/** The members. */
export function members(session: Session): AsyncGenerator<MemberOut, void, undefined> {
  return list(session, versioned('/gov/service/members'));
}

/** The users. */
export function users(session: Session): AsyncGenerator<UserOut, void, undefined> {
  return list(session, versioned('/gov/service/users'));
}

/** The service as governance sees it. */
export function serviceInfo(session: Session): Promise<ServiceInfoOut> {
  return get(session, versioned('/gov/service/info'));
}

/** The source of the constitution in force. */
export async function constitution(session: Session): Promise<string> {
  const path = versioned('/gov/service/constitution');
  return textOf(accepted(await session.request({ method: 'GET', path }), path));
}

/** The path with the query parameter that every governance endpoint needs. */
export function versioned(path: string): string {
  return `${path}?api-version=${apiVersion}`;
}

function governed(
  type: GovMessageType,
  path: string,
  content: object | string,
  now: number,
  proposalId?: string,
): GovRequest {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const message = { type, createdAt: Math.floor(now / 1000), payload: new TextEncoder().encode(text) };
  return { path, message: proposalId === undefined ? message : { ...message, proposalId } };
}

/** Ids go into paths: anything but 64 hexadecimal digits is refused here, not sent. */
function id(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  const shown = JSON.stringify(text.slice(0, 80));
  throw new ClientError('InvalidArgument', `${shown} is not an id: 64 lower-case hexadecimal digits`);
}
