import {
  changeDigest,
  contentType,
  header,
  type ProposalIn,
  planDigest,
  type ShownBytes,
  type UndoChangeOut,
  type UndoPreviewIn,
  type UndoPreviewOut,
} from '@coco/api';
import { type ByteString, fromBase64 } from '@coco/crypto';
import { type StandingProof, type TxId, type VerifiedStanding, verifyStanding } from '@coco/ledger';
import { accepted, jsonOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { govRequest, versioned } from './governance.ts';
import { untilAvailable } from './historical.ts';
import { formatName, idIn, type TransactionName } from './names.ts';
import type { Session } from './session.ts';
import { type Signer, signMessage } from './signing.ts';

/**
 * What undoing transactions would do to the state as it is, checked to be what its digest says. Waits while the
 * service reads past values. Throws `UnexpectedAnswer` for a preview whose digest is not that of what it shows.
 */
export async function previewUndo(
  session: Session,
  signer: Signer,
  asked: UndoPreviewIn,
  options: { readonly waitMs?: number } = {},
): Promise<UndoPreviewOut> {
  const { message, path } = govRequest.previewUndo(asked, session.world.now());
  const request = {
    method: 'POST',
    path: versioned(path),
    headers: { [header.contentType]: contentType.cose },
    body: await signMessage(message, signer),
    repeatable: true,
  };
  const preview = jsonOf<UndoPreviewOut>(accepted(await untilAvailable(session, request, options), path));
  checkPreview(preview);
  return preview;
}

/** The proposal to do exactly what a preview showed. Throws `InvalidArgument` for one that cannot be done. */
export function undoProposal(asked: UndoPreviewIn, preview: UndoPreviewOut, reason?: string): ProposalIn {
  const { basis, plan } = preview;
  if (plan === undefined) {
    const [problem] = preview.problems;
    throw new ClientError(
      'InvalidArgument',
      `it cannot be undone: ${problem?.message ?? 'the preview has no plan'}`,
    );
  }
  const args = { ...asked, plan, previewed_at: basis, ...(reason === undefined ? {} : { reason }) };
  return { actions: [{ name: 'undo_transactions', args }] };
}

/** Makes the digests of a preview again from what it shows; changes that are hidden or cut short stand by theirs. */
export function checkPreview(preview: UndoPreviewOut): void {
  for (const change of preview.changes) {
    const content = contentOf(change);
    if (content !== undefined && changeDigest(content) !== change.digest)
      throw new ClientError('UnexpectedAnswer', 'a change of the preview has another digest than it says');
  }
  const changes = preview.changes.map(({ digest }) => digest);
  if (preview.plan !== undefined && planDigest({ ...preview, changes }) !== preview.plan)
    throw new ClientError('UnexpectedAnswer', 'the preview has another digest than it says');
}

/** Undefined when the digest is over more than is shown: bytes that are cut short, or sealed for an audience. */
function contentOf({ from = null, key, map, salt, sealed, to = null }: UndoChangeOut) {
  if (map === undefined || key === undefined || salt === undefined || sealed === true) return undefined;
  if ([from, key, to].some((shown) => shown?.sha256 !== undefined)) return undefined;
  const bytes = (shown: ShownBytes | null) => shown && bytesOf(shown);
  return { map, key: bytesOf(key), from: bytes(from), to: bytes(to), salt: latin1(fromBase64(salt)) };
}

function bytesOf({ base64, text }: ShownBytes): ByteString {
  return latin1(text === undefined ? fromBase64(base64 ?? '') : new TextEncoder().encode(text));
}

function latin1(bytes: Uint8Array): ByteString {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A proof of standing that holds, with what it proves. */
export interface CheckedStanding {
  readonly proof: StandingProof;
  readonly proves: VerifiedStanding;
}

/**
 * Whether a committed transaction is undone, as of the service's latest commit: the proof, verified against the
 * pinned identity of the session. Waits while an undo of it is being committed. Throws `ReceiptInvalid` naming the step that failed.
 */
export async function fetchStanding(
  session: Session,
  name: TransactionName,
  options: { readonly waitMs?: number } = {},
): Promise<CheckedStanding> {
  const path = `/app/standing?transaction_id=${formatName(name)}`;
  const answer = accepted(await untilAvailable(session, { method: 'GET', path }, options), path);
  const proof = jsonOf<StandingProof>(answer);
  return { proof, proves: checkStanding(session, proof, idIn(name)) };
}

/** Verifies a proof of standing against the pinned identity of the session. Throws `ReceiptInvalid`. */
export function checkStanding(session: Session, proof: unknown, txId?: TxId): VerifiedStanding {
  try {
    return verifyStanding(proof, session.serviceCertificate, { txId });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError('ReceiptInvalid', `the proof of standing does not hold: ${reason}`, { cause });
  }
}
