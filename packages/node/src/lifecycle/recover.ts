import type { Origin, ViewStart } from '@coco/consensus';
import { parseCertificate } from '@coco/crypto';
import { beginRecovery, historicalLedgerSecret, serviceInfo } from '@coco/governance';
import { type ByteString, byteStringToUtf8, Store } from '@coco/kv';
import {
  AuditState,
  type DecodedEntry,
  decodeEntry,
  History,
  isSignature,
  LedgerSecrets,
  singletonKey,
  verifySignatureContent,
} from '@coco/ledger';
import type { NodeEvidence } from '../attester.ts';
import type { NodeFiles, RecoverCommand } from '../config.ts';
import { Core, type CoreListener } from '../core.ts';
import { NodeError } from '../errors.ts';
import { createServiceIdentity } from '../identity.ts';
import { inspectSignature } from '../inspection.ts';
import { limits } from '../limits.ts';
import { Memberships } from '../memberships.ts';
import type { Outbox } from '../outbox.ts';
import type { Beginning, NodeParts } from '../parts.ts';
import { type PastService, PreviousServices } from '../previous-services.ts';
import { SignatureIndex } from '../signature-index.ts';
import type { FoundSnapshot } from '../snapshot-search.ts';
import { defaultCoseSubject, endorseFirstNode, firstNode } from './create.ts';
import { LedgerReader } from './ledger-reader.ts';
import { stateOf } from './snapshot-state.ts';

/** A ledger that cannot be recovered from; the message says where it fails. */
function unsound(message: string): NodeError {
  return new NodeError('LedgerUnsound', message);
}

/** What reading the public part of a ledger brought back, up to its last signature. */
export interface RecoveredLedger {
  readonly store: Store;
  readonly history: History;
  readonly signatures: SignatureIndex;
  readonly memberships: Memberships;
  readonly views: readonly ViewStart[];
  /** Newest view of any entry, signed or not: clients may have been told of transactions in it. */
  readonly newestView: number;
  readonly pastServices: readonly PastService[];
  /** Links from each ledger secret to the one before, by the seqno that wrote them. */
  readonly secretLinks: ReadonlyMap<number, ByteString>;
  /** First seqnos of epochs that were given up before they were opened: nobody holds their secrets. */
  readonly unopened: readonly number[];
  readonly lastSigned: number;
  /** First seqno that the ledger files hold. */
  readonly first: number;
  /** The snapshot before that, if they do not begin at 1. */
  readonly base: Uint8Array | undefined;
}

/**
 * The public part of a lost service's ledger: everything signed, none of what is private. Every signature is held to what
 * backups hold it to: whoever answered for the last one may have acknowledged all before it, so that a ledger where it
 * is damaged is refused, and nothing is forgotten but what no signature follows.
 */
export class PublicRecovery extends LedgerReader {
  readonly #store: Store;
  readonly #history: History;
  readonly #signatures: SignatureIndex;
  readonly #memberships: Memberships;
  readonly #views: ViewStart[];
  readonly #pastServices: PastService[];
  readonly #secretLinks: Map<number, ByteString>;
  readonly #first: number;
  readonly #base: Uint8Array | undefined;
  #serviceCert: string | undefined;
  /** The recovery under way, until the service is open; undefined while it is. */
  #unopenedSince: number | undefined;
  readonly #unopened: number[] = [];
  readonly #auditState = new AuditState();
  #lastSigned: number;
  #lastSignature: DecodedEntry | undefined;

  /** `base` is a verified snapshot, for files that begin after it. */
  constructor(outbox: Outbox, base?: FoundSnapshot) {
    const state = base && stateOf(base.loaded);
    const first = (state?.seqno ?? 0) + 1;
    super(outbox, first, Number.MAX_SAFE_INTEGER);
    this.#first = first;
    this.#base = base?.bytes;
    this.#store = state?.store ?? new Store();
    this.#history = state?.history ?? new History();
    this.#signatures = state?.signatures ?? new SignatureIndex();
    this.#memberships = state?.memberships ?? new Memberships();
    this.#views = [...(state?.views ?? [])];
    this.#pastServices = [...(state?.pastServices ?? [])];
    this.#secretLinks = new Map(state?.secretLinks);
    const tables = this.#store.at(first - 1);
    const viewAt = (seqno: number) => this.#views.findLast((start) => start.seqno <= seqno)?.view ?? 0;
    this.#auditState.load((map) => tables.range(map), viewAt);
    this.#serviceCert = this.#auditState.serviceCert;
    // A snapshot is taken at a signature.
    this.#lastSigned = first - 1;
  }

  protected take(bytes: Uint8Array, seqno: number): void {
    const entry = decodeEntry(bytes);
    if (entry.seqno !== seqno) throw unsound(`entry ${entry.seqno} stands where ${seqno} belongs`);
    if ((this.#views.at(-1)?.view ?? 0) < entry.view) this.#views.push({ view: entry.view, seqno });
    this.#auditState.apply(entry.writeSet, entry.view);
    const signs = isSignature(entry.writeSet);
    if (signs) inspectSignature(entry, bytes, this.#history, this.#auditState);
    this.#watch(entry);
    this.#history.append(entry.leaf);
    this.#store.apply(seqno, entry.writeSet);
    this.#memberships.note(seqno, entry.writeSet, () => this.#store.begin());
    if (signs) {
      this.#lastSigned = seqno;
      this.#lastSignature = entry;
      this.#signatures.add(seqno);
      this.#store.retain();
      this.#store.compact(seqno);
      this.#history.flush(seqno);
    }
  }

  protected override ended(): boolean {
    return true;
  }

  /** Looks closely at the last signature, compares the service, and forgets what nothing signed. */
  finish(expectedServicePem: string): RecoveredLedger {
    const lastSigned = this.#lastSigned;
    if (lastSigned === 0 || this.#serviceCert === undefined) {
      throw unsound('the ledger files hold no signed transaction to recover from');
    }
    if (
      parseCertificate(expectedServicePem).publicKey.id !== parseCertificate(this.#serviceCert).publicKey.id
    ) {
      throw unsound(
        'the ledger is of another service than the one whose certificate is configured as previous_service_identity_file',
      );
    }
    if (this.#lastSignature) verifySignatureContent(this.#lastSignature);
    this.#store.rollback(lastSigned);
    this.#history.truncate(lastSigned + 1);
    this.#memberships.rollBack(lastSigned);
    const views = this.#views.filter((start) => start.seqno <= lastSigned);
    return {
      store: this.#store,
      history: this.#history,
      signatures: this.#signatures,
      memberships: this.#memberships,
      views,
      newestView: this.#views.at(-1)?.view ?? 0,
      pastServices: [
        ...this.#pastServices.filter((past) => past.until < lastSigned),
        { until: lastSigned, certificatePem: this.#serviceCert },
      ],
      secretLinks: this.#secretLinks,
      unopened: [
        ...this.#unopened,
        ...(this.#unopenedSince === undefined ? [] : [this.#unopenedSince]),
      ].filter((from) => from <= lastSigned),
      lastSigned,
      first: this.#first,
      base: this.#base,
    };
  }

  #watch({ writeSet, seqno }: DecodedEntry): void {
    const link = writeSet.get(historicalLedgerSecret.name)?.get(singletonKey);
    if (typeof link === 'string') this.#secretLinks.set(seqno, link);
    const info = writeSet.get(serviceInfo.name)?.get(singletonKey);
    if (typeof info !== 'string') return;
    const { cert, status } = JSON.parse(byteStringToUtf8(info)) as { cert: string; status: string };
    const before = this.#serviceCert;
    if (
      before !== undefined &&
      parseCertificate(before).publicKey.id !== parseCertificate(cert).publicKey.id
    ) {
      this.#pastServices.push({ until: seqno - 1, certificatePem: before });
      if (this.#unopenedSince !== undefined) this.#unopened.push(this.#unopenedSince);
      this.#unopenedSince = seqno;
    }
    if (status === 'Open') this.#unopenedSince = undefined;
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
  for (const from of ledger.unopened) secrets.lose(from);
  const origin: Origin = {
    view: ledger.newestView + limits.recoveryViewGap,
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
      first: ledger.first,
    },
    origin,
    service,
    endorsedPem: endorseFirstNode(service, parts),
    previousServices: new PreviousServices(ledger.pastServices, random),
    cose: defaultCoseSubject,
    reopening: { publicOnly: true, secretLinks: ledger.secretLinks, base: ledger.base },
  };
  const holdsSome = ledger.lastSigned >= ledger.first;
  if (holdsSome) outbox.push({ kind: 'truncate', seqno: ledger.lastSigned });
  else outbox.push({ kind: 'begin-ledger', after: ledger.lastSigned });
  const core = new Core(parts, beginning, listener);
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
