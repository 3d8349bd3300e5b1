import { decodeMessage, encodeMessage, type Message } from '@coco/consensus';
import { concatBytes } from '@coco/crypto';
import type { QuoteInfo, Renewal } from '@coco/governance';
import type { HttpResponse, ParcelFile, Peer } from './effect.ts';
import { NodeError } from './errors.ts';
import type { HttpRequest } from './event.ts';

/** A request passed on to the primary; `id` is the sender's, and ascends. */
export interface ForwardedRequest {
  readonly kind: 'request';
  readonly id: number;
  /** The client's session at the sender, and the view in which it began: what it was told holds in no other. */
  readonly session: number;
  readonly view: number;
  readonly interface: string;
  readonly clientCertificate: Uint8Array | null;
  readonly request: HttpRequest;
}

/** The answer to a `ForwardedRequest`. */
export interface ForwardedAnswer {
  readonly kind: 'answer';
  readonly id: number;
  readonly response: HttpResponse & { readonly body: Uint8Array };
}

/** Another node as the sender knows it. */
export interface Acquaintance extends Peer {
  /** Where clients reach it, `host:port`; empty when that is not known. */
  readonly rpc: string;
}

/** Nodes the sender knows: how a node that fell behind learns of newer ones. */
export interface Acquaintances {
  readonly kind: 'peers';
  readonly nodes: readonly Acquaintance[];
}

/** A node's fresh evidence for the primary; `root` is the challenge it answers. */
export interface RenewedEvidence extends Renewal {
  readonly kind: 'evidence';
}

/** Tells the primary of a node that asks to be elected though it takes no part any more. */
export interface StrayNode {
  readonly kind: 'stray';
  readonly id: string;
}

/** A question for committed entries, first and last, that the sender's files do not hold. */
export interface WantedEntries {
  readonly kind: 'wanted';
  readonly from: number;
  readonly to: number;
}

/** The answer: consecutive entries, maybe fewer than were wanted; none when the sender does not hold them either. */
export interface LentEntries {
  readonly kind: 'lent';
  readonly from: number;
  readonly entries: readonly Uint8Array[];
}

/** Parcels to be stored by a node of a party, before the transaction that made them is in the ledger. */
export interface ParcelDeposit {
  readonly kind: 'deposit';
  /** The sender's, for the answer; ascends. */
  readonly id: number;
  /** View of the sender as primary: the transaction comes in it, or never. */
  readonly view: number;
  /** Whether the parcels stay wherever that transaction goes. */
  readonly isLasting: boolean;
  /** Deposits of the sender with a lower id are decided: their transactions are up to here in its ledger, or nowhere. */
  readonly decided: { readonly before: number; readonly at: number };
  readonly parcels: readonly ParcelFile[];
}

/** All parcels of a deposit are durable. */
export interface ParcelsDeposited {
  readonly kind: 'deposited';
  readonly id: number;
}

/** The transaction that made these parcels did not come about. */
export interface ParcelsWithdrawn {
  readonly kind: 'withdrawn';
  readonly paths: readonly string[];
}

/** Parcels that the sender lacks. */
export interface ParcelsWanted {
  readonly kind: 'parcels-wanted';
  readonly id: number;
  readonly paths: readonly string[];
}

/** The answer to it: some or all of those that are there and the asker may have. */
export interface ParcelsGiven {
  readonly kind: 'parcels';
  readonly id: number;
  readonly parcels: readonly ParcelFile[];
}

/** Which parcels are in a folder; names behind `after`, empty for the first. */
export interface ParcelListWanted {
  readonly kind: 'parcel-list-wanted';
  readonly id: number;
  readonly folder: string;
  readonly after: string;
}

/** The answer to it, in order. */
export interface ParcelList {
  readonly kind: 'parcel-list';
  readonly id: number;
  readonly names: readonly string[];
  /** There are others behind the last. */
  readonly goesOn: boolean;
}

/** What nodes say to one another of parcels. */
export type ParcelMessage =
  | ParcelDeposit
  | ParcelsDeposited
  | ParcelsWithdrawn
  | ParcelsWanted
  | ParcelsGiven
  | ParcelListWanted
  | ParcelList;

/** Everything nodes say to each other beside consensus. */
export type NodeMessage =
  | ForwardedRequest
  | ForwardedAnswer
  | Acquaintances
  | RenewedEvidence
  | StrayNode
  | WantedEntries
  | LentEntries
  | ParcelMessage;

/** First bytes of messages: those of consensus are lower. Numbers are never reused. */
const kinds = {
  request: 0x41,
  answer: 0x42,
  peers: 0x43,
  evidence: 0x44,
  stray: 0x45,
  wanted: 0x46,
  lent: 0x47,
  deposit: 0x48,
  deposited: 0x49,
  withdrawn: 0x4a,
  'parcels-wanted': 0x4b,
  parcels: 0x4c,
  'parcel-list-wanted': 0x4d,
  'parcel-list': 0x4e,
} as const;
const headerBytes = 5;

/** The bytes of a message. Those of consensus are as consensus writes them. */
export function encodeWire(message: NodeMessage): Uint8Array {
  const { head, body } = pack(message);
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(headerBytes + json.length + body.length);
  bytes[0] = kinds[message.kind];
  new DataView(bytes.buffer).setUint32(1, json.length, true);
  bytes.set(json, headerBytes);
  bytes.set(body, headerBytes + json.length);
  return bytes;
}

/** What another node said. Throws for bytes that are no message: `ConsensusError` or `NodeError`, `MessageMalformed`. */
export function decodeWire(
  bytes: Uint8Array,
): NodeMessage | { readonly kind: 'consensus'; readonly message: Message } {
  const kind = bytes[0];
  if (kind === undefined || kind < kinds.request) return { kind: 'consensus', message: decodeMessage(bytes) };
  if (bytes.length < headerBytes) throw malformed('is too short');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true);
  if (length > bytes.length - headerBytes) throw malformed('ends within its head');
  const body = bytes.subarray(headerBytes + length);
  const head = parse(bytes.subarray(headerBytes, headerBytes + length));
  switch (kind) {
    case kinds.request:
      return readRequest(head, body);
    case kinds.answer:
      return readAnswer(head, body);
    case kinds.peers:
      return { kind: 'peers', nodes: list(head.nodes).map(readPeer) };
    case kinds.evidence:
      return readEvidence(head);
    case kinds.stray:
      return { kind: 'stray', id: text(head.id) };
    case kinds.wanted:
      return { kind: 'wanted', from: number(head.from), to: number(head.to) };
    case kinds.lent:
      return { kind: 'lent', from: number(head.from), entries: pieces(body, list(head.sizes).map(number)) };
    case kinds.deposit:
      return readDeposit(head, body);
    case kinds.deposited:
      return { kind: 'deposited', id: number(head.id) };
    case kinds.withdrawn:
      return { kind: 'withdrawn', paths: list(head.paths).map(path) };
    case kinds['parcels-wanted']:
      return { kind: 'parcels-wanted', id: number(head.id), paths: list(head.paths).map(path) };
    case kinds.parcels:
      return { kind: 'parcels', id: number(head.id), parcels: readParcels(head, body) };
    case kinds['parcel-list-wanted']:
      return readListWanted(head);
    case kinds['parcel-list']:
      return readList(head);
    default:
      throw malformed(`is of unknown kind ${kind}`);
  }
}

export { encodeMessage as encodeConsensus };

const nothing = new Uint8Array(0);

function pack(message: NodeMessage): { head: object; body: Uint8Array } {
  switch (message.kind) {
    case 'request': {
      const { body, ...request } = message.request;
      const certificate = message.clientCertificate?.toBase64() ?? null;
      return { head: { ...message, kind: undefined, clientCertificate: certificate, request }, body };
    }
    case 'answer': {
      const { body, ...response } = message.response;
      return { head: { id: message.id, response }, body };
    }
    case 'peers':
      return { head: { nodes: message.nodes }, body: nothing };
    case 'stray':
      return { head: { id: message.id }, body: nothing };
    case 'evidence':
      return { head: { evidence: message.evidence, root: message.root }, body: nothing };
    case 'wanted':
      return { head: { from: message.from, to: message.to }, body: nothing };
    case 'lent': {
      const sizes = message.entries.map(({ length }) => length);
      return { head: { from: message.from, sizes }, body: concatBytes(...message.entries) };
    }
    case 'deposit':
    case 'parcels': {
      const { kind, parcels, ...head } = message;
      const sizes = parcels.map(({ path, bytes }) => [path, bytes.length]);
      return { head: { ...head, parcels: sizes }, body: concatBytes(...parcels.map(({ bytes }) => bytes)) };
    }
    case 'deposited':
    case 'withdrawn':
    case 'parcels-wanted':
    case 'parcel-list-wanted':
    case 'parcel-list':
      return { head: message, body: nothing };
  }
}

type Json = Readonly<Record<string, unknown>>;

function readDeposit(head: Json, body: Uint8Array): ParcelDeposit {
  const { id, view, isLasting, decided } = head;
  const { before, at } = record(decided);
  return {
    kind: 'deposit',
    id: number(id),
    view: number(view),
    isLasting: isLasting === true,
    decided: { before: number(before), at: number(at) },
    parcels: readParcels(head, body),
  };
}

function readRequest(head: Json, body: Uint8Array): ForwardedRequest {
  const { request, clientCertificate } = head;
  const { method, target, headers } = record(request);
  const named = Object.entries(record(headers)).map(([name, value]) => [name, text(value)]);
  return {
    kind: 'request',
    id: number(head.id),
    session: number(head.session),
    view: number(head.view),
    interface: text(head.interface),
    clientCertificate: clientCertificate === null ? null : base64(clientCertificate),
    request: { method: text(method), target: text(target), headers: Object.fromEntries(named), body },
  };
}

function readAnswer(head: Json, body: Uint8Array): ForwardedAnswer {
  const { status, headers, close } = record(head.response);
  const named = list(headers).map((header): [string, string] => {
    const [name, value] = list(header);
    return [text(name), text(value)];
  });
  const response = { status: number(status), headers: named, body, ...(close === true ? { close } : {}) };
  return { kind: 'answer', id: number(head.id), response };
}

/** Only the shape: what it is worth is for whoever verifies it. */
function readEvidence({ evidence, root }: Json): RenewedEvidence {
  const { format, quote, endorsements, uvm_endorsements: uvm } = record(evidence);
  const info = {
    format: text(format) as QuoteInfo['format'],
    quote: text(quote),
    endorsements: text(endorsements),
    ...(uvm === undefined ? {} : { uvm_endorsements: text(uvm) }),
  };
  return { kind: 'evidence', evidence: info, root: text(root) };
}

function pieces(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let at = 0;
  const cut = sizes.map((size) => {
    at += size;
    return bytes.subarray(at - size, at);
  });
  if (at !== bytes.length) throw malformed('has pieces that are not its body');
  return cut;
}

function readParcels(head: Json, body: Uint8Array): ParcelFile[] {
  const named = list(head.parcels).map((each) => list(each));
  const cut = pieces(
    body,
    named.map(([, size]) => number(size)),
  );
  return named.map(([place], i) => ({ path: path(place), bytes: cut[i] as Uint8Array }));
}

function readListWanted({ id, folder, after }: Json): ParcelListWanted {
  if (!/^[0-9a-f]{40}$/.test(text(folder))) throw malformed('names no folder of parcels');
  return { kind: 'parcel-list-wanted', id: number(id), folder: text(folder), after: text(after) };
}

function readList({ id, names, goesOn }: Json): ParcelList {
  const named = list(names).map(text);
  if (!named.every((name) => /^[0-9a-f]{64}$/.test(name))) throw malformed('lists what are no parcels');
  return { kind: 'parcel-list', id: number(id), names: named, goesOn: goesOn === true };
}

/** Paths are made to files by whoever keeps them: nothing but hexadecimal digits and the slash gets so far. */
function path(value: unknown): string {
  if (/^[0-9a-f]{40}\/[0-9a-f]{64}$/.test(text(value))) return text(value);
  throw malformed('names what is no parcel');
}

function readPeer(value: unknown): Acquaintance {
  const { id, address, rpc } = record(value);
  return { id: text(id), address: text(address), rpc: text(rpc) };
}

function parse(bytes: Uint8Array): Json {
  try {
    return record(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw cause instanceof NodeError ? cause : malformed('has a head that is not JSON');
  }
}

function record(value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw malformed('lacks a part');
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed('lacks a list');
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw malformed('lacks a text');
}

function number(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw malformed('lacks a number');
}

function base64(value: unknown): Uint8Array {
  try {
    return Uint8Array.fromBase64(text(value));
  } catch {
    throw malformed('has bytes that are not base64');
  }
}

function malformed(what: string): NodeError {
  return new NodeError('MessageMalformed', `a message of another node ${what}`);
}
