import { byteStringToUtf8, bytesToByteString } from '@coco/kv';
import type { MemberCoseIdentity } from './authenticate/caller.ts';
import { GovernanceError } from './errors.ts';
import { type GovResponse, refuse } from './http.ts';
import { staleRead } from './replay.ts';
import type { MemberId } from './tables/members.ts';
import type { GovContext } from './world.ts';

const hexId = /^[0-9a-fA-F]{64}$/;

const nouns = {
  memberId: 'member ID',
  userId: 'user ID',
  proposalId: 'proposal ID',
  nodeId: 'node ID',
} as const;

/** An id out of the path, or the refusal of something that is no id. */
export function idOf({ request }: GovContext, name: keyof typeof nouns): string | GovResponse {
  const id = request.params[name] ?? '';
  return hexId.test(id)
    ? id
    : refuse(400, 'InvalidResourceName', `'${id}' is not a valid hex-encoded ${nouns[name]}`);
}

/** The member who signed the request. Rows that ask for it list a signature as their policy. */
export function signerOf({ caller, request }: GovContext): MemberCoseIdentity {
  if (caller !== undefined && 'memberId' in caller) return caller;
  throw new GovernanceError('UnknownPolicy', `${request.path} was called without a signature.`);
}

/** A member who asks for what may be its own to see. */
export interface Asker {
  readonly id: MemberId;
  readonly sent: Uint8Array;
}

/** The member who calls, and what it sent: signed about now, or over a connection with its certificate. */
export function memberOf({ caller, request, world }: GovContext): Asker | GovResponse {
  if (caller === undefined) {
    throw new GovernanceError('UnknownPolicy', `${request.path} was called by nobody known.`);
  }
  if (!('memberId' in caller)) return { id: caller.id, sent: request.body };
  return staleRead(caller.createdAt, world.now) ?? { id: caller.memberId, sent: caller.payload };
}

/** The proposal of the path, which the signature must be about too. */
export function signedProposalId(context: GovContext): string | GovResponse {
  const id = idOf(context, 'proposalId');
  if (typeof id !== 'string' || signerOf(context).proposalId === id) return id;
  return refuse(400, 'InvalidResourceName', 'Authenticated proposal id does not match URL');
}

/** The member of the path, who must be the signer. */
export function signedMemberId(context: GovContext): string | GovResponse {
  const id = idOf(context, 'memberId');
  if (typeof id !== 'string' || signerOf(context).memberId === id) return id;
  return refuse(400, 'InvalidResourceName', 'Authenticated member id does not match URL');
}

/** A text field of the signed JSON object, or the refusal of a payload without it. */
export function signedField(context: GovContext, field: string): { readonly text: string } | GovResponse {
  const parsed = jsonIn(signerOf(context).payload);
  if ('problem' in parsed) {
    return refuse(400, 'InvalidInput', `Signed request body is not JSON: ${parsed.problem}`);
  }
  const { value: body } = parsed;
  const value = isRecord(body) && Object.hasOwn(body, field) ? body[field] : undefined;
  if (typeof value === 'string') return { text: value };
  const what = `required string field "${field}"`;
  return refuse(400, 'InvalidInput', `Signed request body is not a JSON object containing ${what}`);
}

/** The JSON that bytes are the text of, or why they are not. */
export function jsonIn(bytes: Uint8Array): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: JSON.parse(byteStringToUtf8(bytesToByteString(bytes))) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : 'unreadable' };
  }
}

/** Whether a value of JSON is an object with names. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
