import type { Origin, ViewStart } from '@coco/consensus';
import { parseCertificate } from '@coco/crypto';
import { beginRecovery, finishRecovery, historicalLedgerSecret, serviceInfo } from '@coco/governance';
import { type ByteString, byteStringToUtf8, Store, type WriteSet } from '@coco/kv';
import {
  buildSignatureReceipt,
  type DecodedEntry,
  decodeEntry,
  decodeSecretLink,
  formatTxId,
  History,
  isSignature,
  LedgerSecrets,
  parseRootSignature,
  type RootSignature,
  singletonKey,
  tables,
  verifyReceipt,
  walkSecretChain,
} from '@coco/ledger';
import type { NodeEvidence } from '../attester.ts';
import type { NodeFiles, RecoverCommand } from '../config.ts';
import { type Beginning, Core, type CoreListener, type NodeParts } from '../core.ts';
import { createServiceIdentity } from '../identity.ts';
import { limits } from '../limits.ts';
import { Memberships } from '../memberships.ts';
import type { Outbox } from '../outbox.ts';
import { type PastService, PreviousServices } from '../previous-services.ts';
import { SignatureIndex } from '../signature-index.ts';
import { defaultCoseSubject, endorseFirstNode, firstNode } from './create.ts';

/** A ledger that cannot be recovered from; the message says where it fails. */
export class RecoveryError extends Error {
  override readonly name = 'RecoveryError';
}

/** What reading the public part of a ledger brought back, up to its last signature. */
export interface RecoveredLedger {
  readonly store: Store;
  readonly history: History;
  readonly signatures: SignatureIndex;
  readonly memberships: Memberships;
  readonly views: readonly ViewStart[];
  readonly pastServices: readonly PastService[];
  /** Links from each ledger secret to the one before, by the seqno that wrote them. */
  readonly secretLinks: ReadonlyMap<number, ByteString>;
  readonly lastSigned: number;
  readonly root: ByteString;
}

/** Reads entries one range after the other, as the host gives them. */
abstract class LedgerReader {
  readonly #outbox: Outbox;
  #next: number;
  #last: number;

  constructor(outbox: Outbox, first: number, last: number) {
    this.#outbox = outbox;
    this.#next = first;
    this.#last = last;
  }

  /** Seqno of the next entry to come. */
  get next(): number {
    return this.#next;
  }

  start(): void {
    const to = Math.min(this.#last, this.#next + limits.readEntriesMax - 1);
    this.#outbox.push({ kind: 'read-entries', from: this.#next, to });
  }

  /** Takes what was read. Answers true when the ledger is read to its end. */
  entriesRead(from: number, entries: readonly Uint8Array[]): boolean {
    if (from !== this.#next) return false;
    for (const bytes of entries) {
      this.take(bytes, this.#next);
      this.#next++;
    }
    if (entries.length === 0 || this.#next > this.#last) return true;
    this.start();
    return false;
  }

  protected abstract take(bytes: Uint8Array, seqno: number): void;
}

/** The public part of a lost service's ledger: everything signed, none of what is private. */
export class PublicRecovery extends LedgerReader {
  readonly #store = new Store();
  readonly #history = new History();
  readonly #signatures = new SignatureIndex();
  readonly #memberships = new Memberships();
  readonly #views: ViewStart[] = [];
  readonly #pastServices: PastService[] = [];
  readonly #secretLinks = new Map<number, ByteString>();
  #serviceCert: string | undefined;
  #last: { readonly signature: RootSignature; readonly root: ByteString } | undefined;

  constructor(outbox: Outbox) {
    super(outbox, 1, Number.MAX_SAFE_INTEGER);
  }

  protected take(bytes: Uint8Array, seqno: number): void {
    const entry = decodeEntry(bytes);
    if (entry.seqno !== seqno) throw new RecoveryError(`entry ${entry.seqno} stands where ${seqno} belongs`);
    if ((this.#views.at(-1)?.view ?? 0) < entry.view) this.#views.push({ view: entry.view, seqno });
    if (isSignature(entry.writeSet)) this.#takeSignature(entry);
    this.#watch(entry);
    this.#history.append(entry.leaf);
    this.#store.apply(seqno, entry.writeSet);
    this.#memberships.note(seqno, entry.writeSet, () => this.#store.begin());
    if (this.#last?.signature.seqno === seqno) {
      this.#store.retain();
      this.#store.compact(seqno);
      this.#history.flush(seqno);
    }
  }

  /** Verifies the last signature, which vouches for all before it, and forgets what nothing signed. */
  finish(expectedServicePem: string): RecoveredLedger {
    const last = this.#last;
    if (!last || this.#serviceCert === undefined) {
      throw new RecoveryError('the ledger files hold no signed transaction to recover from');
    }
    const { signature } = last;
    if (
      parseCertificate(expectedServicePem).publicKey.id !== parseCertificate(this.#serviceCert).publicKey.id
    ) {
      throw new RecoveryError(
        'the ledger is of another service than the one whose certificate is configured as previous_service_identity_file',
      );
    }
    const { nodeCert } = signature;
    if (nodeCert === undefined)
      throw new RecoveryError(`signature ${formatTxId(signature)} names no certificate`);
    verifyReceipt(buildSignatureReceipt({ ...signature, nodeCert }), this.#serviceCert);
    this.#store.rollback(signature.seqno);
    this.#history.truncate(signature.seqno + 1);
    this.#memberships.rollBack(signature.seqno);
    const views = this.#views.filter((start) => start.seqno <= signature.seqno);
    return {
      store: this.#store,
      history: this.#history,
      signatures: this.#signatures,
      memberships: this.#memberships,
      views,
      pastServices: [
        ...this.#pastServices.filter((past) => past.until < signature.seqno),
        { until: signature.seqno, certificatePem: this.#serviceCert },
      ],
      secretLinks: this.#secretLinks,
      lastSigned: signature.seqno,
      root: last.root,
    };
  }

  #takeSignature(entry: DecodedEntry): void {
    const value = entry.writeSet.get(tables.signatures)?.get(singletonKey);
    if (typeof value !== 'string') throw new RecoveryError(`signature entry ${entry.seqno} has no signature`);
    const signature = parseRootSignature(value);
    if (signature.root !== this.#history.root()) {
      throw new RecoveryError(
        `the entries before signature ${formatTxId(entry)} are not those that were signed`,
      );
    }
    this.#last = { signature, root: signature.root };
    this.#signatures.add(entry.seqno);
  }

  #watch({ writeSet, seqno }: DecodedEntry): void {
    const link = writeSet.get(historicalLedgerSecret.name)?.get(singletonKey);
    if (typeof link === 'string') this.#secretLinks.set(seqno, link);
    const info = writeSet.get(serviceInfo.name)?.get(singletonKey);
    if (typeof info !== 'string') return;
    const { cert } = JSON.parse(byteStringToUtf8(info)) as { cert: string };
    const before = this.#serviceCert;
    if (
      before !== undefined &&
      parseCertificate(before).publicKey.id !== parseCertificate(cert).publicKey.id
    ) {
      this.#pastServices.push({ until: seqno - 1, certificatePem: before });
    }
    this.#serviceCert = cert;
  }
}

/** Begins the next epoch of a lost service: governance goes on, what is private waits for the members' shares. */
export function recoverService(
  parts: NodeParts,
  command: RecoverCommand,
  given: {
    readonly ledger: RecoveredLedger;
    readonly files: NodeFiles;
    readonly previousServicePem: string;
    readonly evidence: NodeEvidence;
  },
  listener: CoreListener,
): Core {
  const { config, random, clock, outbox } = parts;
  const { ledger } = given;
  const service = createServiceIdentity(
    {
      subject: parseCertificate(given.previousServicePem).subject,
      days: command.recover.initial_service_certificate_validity_days,
      curve: config.node_certificate.curve_id,
    },
    clock.now,
    random,
  );
  const secrets = new LedgerSecrets();
  secrets.add(ledger.lastSigned + 1, random(32));
  const lastView = ledger.views.at(-1)?.view ?? 0;
  const origin: Origin = {
    view: lastView + 2,
    leads: true,
    seqno: ledger.lastSigned,
    viewHistory: ledger.views,
    configurations: [],
    retiring: [],
  };
  const beginning: Beginning = {
    state: {
      store: ledger.store,
      secrets,
      history: ledger.history,
      signatures: ledger.signatures,
      memberships: ledger.memberships,
      first: 1,
    },
    origin,
    service,
    endorsedPem: endorseFirstNode(service, parts),
    previousServices: new PreviousServices(ledger.pastServices, random),
    cose: defaultCoseSubject,
  };
  outbox.push({ kind: 'truncate', seqno: ledger.lastSigned });
  const core = new Core(parts, beginning, listener);
  core.status = 'PartOfPublicNetwork';
  const tx = core.replica.store.begin();
  const node = firstNode(parts, { nodeData: given.files.nodeData, evidence: given.evidence });
  beginRecovery(tx, {
    node: { ...node, endorsedCertificate: beginning.endorsedPem },
    serviceCertificate: service.certificate.pem,
    createTxId: `${origin.view}.${origin.seqno + 1}`,
    serviceData: given.files.serviceData,
    previousServiceCertificate: given.previousServicePem,
  });
  core.replica.commit(tx);
  core.present();
  return core;
}

/** The private part of a recovered ledger, once the members' shares have opened its latest secret. */
export class PrivateRecovery extends LedgerReader {
  readonly #core: Core;
  readonly #ledger: RecoveredLedger;
  readonly #latest: { readonly from: number; readonly raw: Uint8Array };
  readonly #store = new Store();
  readonly #history = new History();

  constructor(outbox: Outbox, core: Core, ledger: RecoveredLedger, latestSecret: Uint8Array) {
    super(outbox, 1, ledger.lastSigned);
    this.#core = core;
    this.#ledger = ledger;
    const [storedAt, link] = [...ledger.secretLinks].at(-1) ?? [];
    const from =
      link === undefined || storedAt === undefined ? 1 : (decodeSecretLink(link).nextFrom ?? storedAt + 1);
    this.#latest = { from, raw: latestSecret };
    for (const secret of walkSecretChain(this.#latest, link, (at) => ledger.secretLinks.get(at))) {
      core.replica.secrets.add(secret.from, secret.raw);
    }
  }

  protected take(bytes: Uint8Array, seqno: number): void {
    const entry = decodeEntry(bytes, this.#core.replica.secrets);
    if (seqno === this.#ledger.lastSigned && this.#history.root() !== this.#ledger.root) {
      throw new RecoveryError('the ledger files changed while they were being recovered');
    }
    this.#history.append(entry.leaf);
    this.#history.flush(seqno);
    this.#store.apply(seqno, privatePart(entry.writeSet));
  }

  /** Puts the private maps in place and opens the service again. */
  finish(random: (bytes: number) => Uint8Array): void {
    const { replica } = this.#core;
    const recovered = this.#store.at(this.#store.version);
    replica.store.adopt([...recovered.maps()].map((name) => [name, recovered.range(name)]));
    const tx = replica.store.begin();
    const current = replica.secrets.latest();
    if (!current) throw new RecoveryError('the recovered service has no ledger secret of its own');
    finishRecovery(tx, { current, recovered: this.#latest, random, type: 'RECOVERY_SHARES' });
    replica.commit(tx);
    replica.forceChunk();
    this.#core.status = 'PartOfNetwork';
    this.#core.recovery = undefined;
  }
}

function privatePart(writeSet: WriteSet): WriteSet {
  return new Map([...writeSet].filter(([name]) => !name.startsWith('public:')));
}
