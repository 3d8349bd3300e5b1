import { type Certificate, type PublicKey, parseCertificate } from '@coco/crypto';
import { type ByteString, byteStringToUtf8, type MapName, type MapWrites, type WriteSet } from '@coco/kv';
import { inStep, LedgerError } from './errors.ts';
import { isRecord, parseJson } from './json.ts';
import { verifyNodeCertificate } from './node-certificate.ts';
import { singletonIn, tables } from './tables.ts';

interface NodeState {
  readonly status: string;
  /** The view in which its retirement was recorded as committed; undefined while it is not. */
  readonly retiredIn: number | undefined;
}

interface ServiceState {
  readonly status: string;
  readonly certPem: string;
  readonly certificate: Certificate;
}

/** Which service status may follow which. A disaster recovery may begin at any time, under a new identity. */
const statusAfter: Readonly<Record<string, readonly string[]>> = {
  Opening: ['Open', 'WaitingForRecoveryShares'],
  Recovering: ['WaitingForRecoveryShares'],
  WaitingForRecoveryShares: ['Open'],
  Open: [],
};
const statusWithNewIdentity = ['Opening', 'Recovering'];

/** The maps it follows. */
const watched = [tables.nodesInfo, tables.nodesEndorsedCertificates, tables.serviceInfo] as const;

/** What an auditor knows of nodes and service at one point of the ledger, from public maps alone. */
export class AuditState {
  readonly #nodes = new Map<string, NodeState>();
  readonly #nodeCerts = new Map<string, string>();
  #service: ServiceState | undefined;

  /** Whether an entry changes what is known. */
  static concerns(writeSet: WriteSet): boolean {
    return watched.some((map) => writeSet.has(map));
  }

  /** The same knowledge, to be carried on by itself. */
  branch(): AuditState {
    const copy = new AuditState();
    for (const [id, node] of this.#nodes) copy.#nodes.set(id, node);
    for (const [id, pem] of this.#nodeCerts) copy.#nodeCerts.set(id, pem);
    copy.#service = this.#service;
    return copy;
  }

  get serviceStatus(): string | undefined {
    return this.#service?.status;
  }

  get serviceCert(): string | undefined {
    return this.#service?.certPem;
  }

  /** The key that signs roots by COSE. Throws when no service has been recorded. */
  get serviceKey(): PublicKey {
    return this.#recordedService().certificate.publicKey;
  }

  /**
   * Takes in what an entry of `view` wrote. Throws for what cannot be read and for a service that changes as none
   * may.
   */
  apply(writeSet: WriteSet, view: number): void {
    this.#applyNodes(writeSet.get(tables.nodesInfo), view);
    this.#applyCertificates(writeSet.get(tables.nodesEndorsedCertificates));
    const service = singletonIn(writeSet, tables.serviceInfo);
    if (service !== undefined) this.#applyService(service);
  }

  /** Takes in the maps of a state; `viewOf` tells the view of a row's version. */
  load(
    rows: (map: MapName) => Iterable<{ key: ByteString; value: ByteString; version: number }>,
    viewOf: (version: number) => number = () => 0,
  ): void {
    for (const { key, value, version } of rows(tables.nodesInfo)) {
      this.#applyNodes(new Map([[key, value]]), viewOf(version));
    }
    for (const map of [tables.nodesEndorsedCertificates, tables.serviceInfo]) {
      this.apply(new Map([[map, new Map(Array.from(rows(map), ({ key, value }) => [key, value]))]]), 0);
    }
  }

  /**
   * The certificate of a node that may sign at this point, verified under the service certificate in force. A
   * retired node may still sign until its retirement is committed: a primary signs that itself, and so to the end of
   * its view. Throws naming the step.
   */
  signer(nodeId: string, presented: string | undefined, view: number): Certificate {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) throw failed('node', `node ${nodeId} is not known`);
    const { status, retiredIn } = node;
    const may =
      status === 'Trusted' || (status === 'Retired' && (retiredIn === undefined || retiredIn === view));
    if (!may)
      throw failed('node', `node ${nodeId} is ${status}${retiredIn === undefined ? '' : ', for good'}`);
    const pem = presented ?? this.#nodeCerts.get(nodeId);
    if (pem === undefined) throw failed('node-certificate', `node ${nodeId} has no certificate`);
    const { certPem } = this.#recordedService();
    return verifyNodeCertificate({ nodeId, cert: pem, endorsements: [], serviceCert: certPem });
  }

  #recordedService(): ServiceState {
    if (this.#service === undefined) throw failed('service-key', 'no service is recorded yet');
    return this.#service;
  }

  #applyNodes(writes: MapWrites | undefined, view: number): void {
    for (const [nodeId, value] of writes ?? []) {
      if (value === null) {
        this.#nodes.delete(nodeId);
        continue;
      }
      const info = parseJson(value, 'MalformedEntry', `info of node ${nodeId}`);
      if (!isRecord(info) || typeof info.status !== 'string') {
        throw new LedgerError('MalformedEntry', `info of node ${nodeId} has no status`);
      }
      const known = this.#nodes.get(nodeId)?.retiredIn ?? view;
      this.#nodes.set(nodeId, {
        status: info.status,
        retiredIn: info.retired_committed === true ? known : undefined,
      });
    }
  }

  #applyCertificates(writes: MapWrites | undefined): void {
    for (const [nodeId, value] of writes ?? []) {
      if (value === null) this.#nodeCerts.delete(nodeId);
      else this.#nodeCerts.set(nodeId, byteStringToUtf8(value));
    }
  }

  #applyService(value: ByteString): void {
    const info = parseJson(value, 'MalformedEntry', 'service info');
    if (!isRecord(info) || typeof info.status !== 'string' || typeof info.cert !== 'string') {
      throw new LedgerError('MalformedEntry', 'service info has no status or no cert');
    }
    const { status, cert: certPem } = info;
    const certificate = inStep('service-key', 'service certificate', () => parseCertificate(certPem));
    const before = this.#service;
    // Taken in even if it may not be: what follows was signed under it, and one problem is enough.
    this.#service = { status, certPem, certificate };
    if (before === undefined) return;
    const sameIdentity = before.certificate.publicKey.id === certificate.publicKey.id;
    const allowed = sameIdentity
      ? status === before.status || statusAfter[before.status]?.includes(status) === true
      : statusWithNewIdentity.includes(status);
    if (allowed) return;
    const identity = sameIdentity ? 'the same' : 'a new';
    throw failed('service-key', `service went from ${before.status} to ${status} under ${identity} identity`);
  }
}

function failed(step: 'node' | 'node-certificate' | 'service-key', message: string): LedgerError {
  return new LedgerError('VerificationFailed', message, { step });
}
