import { type ByteString, byteStringToBytes, type WriteSet } from '@coco/kv';
import {
  buildReceipt,
  buildSignatureReceipt,
  type DecodedEntry,
  decodeEntry,
  formatTxId,
  History,
  isSignature,
  type LedgerSecrets,
  parseRootSignature,
  type Receipt,
  type RootSignature,
  revealCommitEvidence,
  singletonKey,
  tables,
  verifyReceipt,
} from '@coco/ledger';
import type { EntryLoans } from './entry-loans.ts';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';

/** One past transaction: what it wrote, and the proof that it did. */
export interface PastState {
  readonly transactionId: string;
  readonly receipt: Receipt;
  /** Only what the transaction wrote. */
  readonly writeSet: WriteSet;
}

/** What historical reads rest on; the node knows it, the files are not trusted for it. */
export interface HistoricalSource {
  readonly secrets: LedgerSecrets;
  /** First committed signature known at or after `seqno`; undefined when there is none. */
  signatureAfter(seqno: number): number | undefined;
  /** Whether it knows of signatures before this one: then none lies between two that follow each other. */
  isFirstSignature(seqno: number): boolean;
  /** View of a committed entry. */
  viewAt(seqno: number): number;
  /** Certificates that chain a receipt of an earlier service identity to the present one. */
  endorsementsAt(seqno: number): readonly string[];
  /** PEM of the present service certificate. */
  serviceCertificate(): string;
  /** Whether the disk is not to tell what is read. */
  isCovered(): boolean;
}

interface Request {
  readonly from: number;
  readonly to: number;
  /** The signature that vouches for the last of them; at first, and of each source, only the latest that it may be. */
  until: number;
  readonly untilMax: number;
  /** It is `until` that vouches for them: nothing between the last of them and it has to be read. */
  readonly isExact: boolean;
  expiryMs: number;
  usedAt: number;
  entries: DecodedEntry[];
  next: number;
  states: readonly PastState[] | undefined;
  /** 0: this node's own files are read. Then, or where they do not hold it, other nodes are asked, from the n-th on. */
  source: number;
  failed: boolean;
}

/**
 * Past transactions from the ledger files, or from those of other nodes where this one's begin later. A request parks
 * until its entries are there; they are believed only when a signature's own tree contains each of them.
 */
export class HistoricalQueries {
  readonly #source: HistoricalSource;
  readonly #outbox: Outbox;
  readonly #loans: Pick<EntryLoans, 'borrow'>;
  /** Signatures that held, by seqno: those that were read last. */
  readonly #verified = new Map<number, CheckedSignature>();
  /** By handle, least recently used first. */
  readonly #requests = new Map<string, Request>();
  #now = 0;

  constructor(source: HistoricalSource, outbox: Outbox, loans: Pick<EntryLoans, 'borrow'>) {
    this.#source = source;
    this.#outbox = outbox;
    this.#loans = loans;
  }

  /**
   * The states of an inclusive range of committed seqnos; null while they are fetched: ask again with the same
   * handle and range. A handle holds one range at a time.
   */
  request(
    handle: string,
    from: number,
    to: number,
    expiryMs: number = limits.historicalExpiryMs,
  ): readonly PastState[] | null {
    const known = this.#requests.get(handle);
    if (known && known.from === from && known.to === to && !known.failed) {
      this.#touch(handle, known, expiryMs);
      return known.states ?? null;
    }
    const until = this.#source.signatureAfter(to);
    if (until === undefined || from < 1 || to < from || to - from >= limits.historicalRangeMax) return null;
    const request: Request = {
      from,
      to,
      until,
      untilMax: until,
      isExact: !this.#source.isFirstSignature(until),
      expiryMs,
      usedAt: this.#now,
      entries: [],
      next: from,
      states: undefined,
      source: 0,
      failed: false,
    };
    this.#touch(handle, request, expiryMs);
    this.#read(request);
    return null;
  }

  /** Whether the ledger files did not give back what a handle asked for; asking again reads them again. */
  hasFailed(handle: string): boolean {
    return this.#requests.get(handle)?.failed === true;
  }

  /** Forgets what a handle holds. Answers whether it held anything. */
  drop(handle: string): boolean {
    return this.#requests.delete(handle);
  }

  /** Entries the host has read, for whichever requests wait for them. */
  entriesRead(from: number, entries: readonly Uint8Array[]): void {
    for (const request of this.#requests.values()) {
      if (request.source > 0 || !isWaitingFor(from, request)) continue;
      if (entries.length > 0) this.#take(request, entries);
      else this.#turnToOthers(request);
    }
  }

  /** What other nodes gave of entries that this node's own files do not hold; nothing when none of them did. */
  lent(from: number, entries: readonly Uint8Array[]): void {
    for (const request of this.#requests.values())
      if (request.source > 0 && isWaitingFor(from, request)) this.#take(request, entries);
  }

  /** Lets go of what nobody has asked for in a while. */
  tick(now: number): void {
    this.#now = now;
    for (const [handle, request] of this.#requests) {
      if (now - request.usedAt > request.expiryMs) this.#requests.delete(handle);
    }
  }

  #touch(handle: string, request: Request, expiryMs: number): void {
    request.usedAt = this.#now;
    request.expiryMs = expiryMs;
    this.#requests.delete(handle);
    this.#requests.set(handle, request);
    const [oldest] = this.#requests.keys();
    if (this.#requests.size > limits.historicalRequestsMax && oldest !== undefined)
      this.#requests.delete(oldest);
  }

  #read(request: Request): void {
    const last = request.isExact && request.next <= request.to ? request.to : request.until;
    const to = Math.min(last, request.next + limits.readEntriesMax - 1);
    if (request.source > 0) this.#loans.borrow(request.next, to, { after: request.source - 1 });
    else this.#outbox.push({ kind: 'read-entries', from: request.next, to, whole: this.#source.isCovered() });
  }

  /** Reading goes on, or begins anew, with what the next source has. */
  #turnToOthers(request: Request): void {
    request.source++;
    this.#read(request);
  }

  #take(request: Request, entries: readonly Uint8Array[]): void {
    if (entries.length === 0) {
      this.#refuse(request, `no node that answers holds entry ${request.next}`);
      request.failed = true;
      return;
    }
    try {
      for (const bytes of entries) {
        if (request.next > request.until) break;
        const entry = decodeEntry(bytes, this.#source.secrets);
        if (entry.seqno !== request.next)
          throw new Error(`entry ${request.next} was asked for, ${entry.seqno} came`);
        if (entry.view !== this.#source.viewAt(entry.seqno))
          throw new Error(`entry ${formatTxId(entry)} was never committed: the ledger has another there`);
        request.entries.push(entry);
        request.next++;
        // A node that began with a snapshot does not know where signatures are before it.
        if (entry.seqno >= request.to && isSignature(entry.writeSet)) request.until = entry.seqno;
        if (request.isExact && entry.seqno === request.to && request.until > request.next) {
          request.next = request.until;
          break;
        }
      }
      const isRead = request.isExact && request.next > request.to;
      const known = isRead ? this.#verified.get(request.until) : undefined;
      if (known || request.next > request.until) request.states = this.#verify(request, known);
      else this.#read(request);
      if (request.states) request.entries = [];
    } catch (error) {
      this.#refuse(request, error instanceof Error ? error.message : String(error));
      request.next = request.from;
      request.until = request.untilMax;
      this.#turnToOthers(request);
    }
  }

  /** What a source gave is not to be believed, or it gave nothing. */
  #refuse(request: Request, why: string): void {
    request.entries = [];
    const whose = request.source === 0 ? "This node's ledger files do" : 'The nodes that were asked do';
    const what = `transactions ${request.from} to ${request.to}`;
    this.#outbox.log('fail', `${whose} not give back ${what}: ${why}`);
  }

  /** `known`: the signature that vouches for the last of them, when it has not been read again. */
  #verify({ entries, to }: Request, known: CheckedSignature | undefined): PastState[] {
    const states: PastState[] = [];
    let pending: DecodedEntry[] = [];
    for (const entry of entries) {
      const signature = isSignature(entry.writeSet) ? this.#signatureOf(entry) : undefined;
      if (signature) {
        states.push(...this.#statesBefore(signature, pending));
        pending = [];
        if (entry.seqno <= to) states.push(this.#signatureState(entry, signature));
      } else if (entry.seqno <= to) {
        pending.push(entry);
      }
    }
    if (known) states.push(...this.#statesBefore(known, pending));
    return states;
  }

  /** The signature of an entry with the tree it carries; the signature itself is verified with its first receipt. */
  #signatureOf(entry: DecodedEntry): CheckedSignature {
    const verified = this.#verified.get(entry.seqno);
    if (verified?.leaf === entry.leaf) return verified;
    const value = entry.writeSet.get(tables.signatures)?.get(singletonKey);
    const tree = entry.writeSet.get(tables.tree)?.get(singletonKey);
    if (typeof value !== 'string' || typeof tree !== 'string')
      throw new Error(`signature ${entry.seqno} is incomplete`);
    const signature = parseRootSignature(value);
    const history = History.deserialize(byteStringToBytes(tree));
    if (history.root() !== signature.root)
      throw new Error(`signature ${entry.seqno} carries another tree than it signs`);
    const { nodeCert } = signature;
    if (nodeCert === undefined) throw new Error(`signature ${entry.seqno} names no certificate`);
    return { ...signature, nodeCert, history, leaf: entry.leaf };
  }

  #statesBefore(signature: CheckedSignature, entries: readonly DecodedEntry[]): PastState[] {
    const states = entries.map((entry) => {
      if (signature.history.leaf(entry.seqno) !== entry.leaf) {
        throw new Error(`entry ${entry.seqno} is not the one that was signed`);
      }
      const components = {
        writeSetDigest: entry.writeSetDigest,
        commitEvidence: revealCommitEvidence(entry, this.#source.secrets),
        claimsDigest: entry.claimsDigest,
      };
      const endorsements = this.#source.endorsementsAt(entry.seqno);
      const receipt = buildReceipt(signature, components, signature.history.proof(entry.seqno), endorsements);
      return { transactionId: formatTxId(entry), receipt, writeSet: entry.writeSet };
    });
    // One signature covers them all: the first receipt verified vouches for the rest, whose leaves are in its tree.
    if (states[0] && this.#verified.get(signature.seqno) !== signature) {
      verifyReceipt(states[0].receipt, this.#source.serviceCertificate());
      this.#remember(signature);
    }
    return states;
  }

  /** A signature that held vouches for whoever asks next. */
  #remember(signature: CheckedSignature): void {
    this.#verified.set(signature.seqno, signature);
    const [oldest] = this.#verified.keys();
    if (this.#verified.size > limits.verifiedSignaturesMax && oldest !== undefined)
      this.#verified.delete(oldest);
  }

  #signatureState(entry: DecodedEntry, signature: CheckedSignature): PastState {
    const receipt = buildSignatureReceipt(signature, this.#source.endorsementsAt(entry.seqno));
    verifyReceipt(receipt, this.#source.serviceCertificate());
    return { transactionId: formatTxId(entry), receipt, writeSet: entry.writeSet };
  }
}

function isWaitingFor(seqno: number, { failed, next, states }: Request): boolean {
  return !failed && states === undefined && next === seqno;
}

/** A signature that signs the tree it carries. */
interface CheckedSignature extends RootSignature {
  readonly nodeCert: string;
  readonly history: History;
  /** Of its own entry, in the trees of later ones. */
  readonly leaf: ByteString;
}
