import { parseCertificate } from '@coco/crypto';
import { nodeEndorsedCertificates, serviceInfo } from '@coco/governance';
import type { Store } from '@coco/kv';
import { type KnownService, presentNode, renewSelfSigned } from './identity.ts';
import type { Beginning, NodeParts } from './parts.ts';

/** What credentials tell the node about. */
export interface CredentialsListener {
  /** What the tables say of the service was written, or rolled back. */
  serviceChanged(): void;
  /** The entry at `seqno` begins a new epoch of the service. */
  epochBegan(seqno: number): void;
}

/**
 * Whom this node presents itself as: the certificates of the service and of the node, as the tables have them. Both are
 * renewed by governance while their keys stay.
 */
export class Credentials {
  readonly #parts: NodeParts;
  readonly #store: Store;
  readonly #previousServices: Beginning['previousServices'];
  readonly #listener: CredentialsListener;
  #service: KnownService;
  #endorsedPem: string;
  /** Certificate of the service as the tables have it; another than the present one's only in a lost epoch. */
  #recordedPem: string | undefined;

  constructor(parts: NodeParts, beginning: Beginning, listener: CredentialsListener) {
    const { store } = beginning.state;
    this.#parts = parts;
    this.#store = store;
    this.#previousServices = beginning.previousServices;
    this.#listener = listener;
    this.#service = beginning.service;
    this.#endorsedPem = beginning.endorsedPem;
    this.#recordedPem = serviceInfo.get(store.begin())?.cert;
    store.onWrite(serviceInfo.name, (version) => this.#readService(version));
    store.onWrite(nodeEndorsedCertificates.name, () => this.#readEndorsement());
    store.onRollback(() => {
      this.#readService();
      this.#readEndorsement();
    });
  }

  get service(): KnownService {
    return this.#service;
  }

  /** PEM of the node's certificate, endorsed by the service. */
  get endorsedPem(): string {
    return this.#endorsedPem;
  }

  /** Tells the host whom the listeners are to present, and which service this is. */
  present(): void {
    presentNode(this.#parts.identity, this.#parts.outbox, this.#endorsedPem);
    this.#publishService();
  }

  /** The certificate of the service may have been renewed; or a new epoch begins, with another key. */
  #readService(written?: number): void {
    this.#listener.serviceChanged();
    const info = serviceInfo.get(this.#store.begin());
    if (!info) return;
    const before = this.#recordedPem;
    this.#recordedPem = info.cert;
    if (before !== info.cert && written !== undefined && info.status === 'Recovering') {
      this.#listener.epochBegan(written);
      if (before !== undefined) this.#previousServices.add({ until: written - 1, certificatePem: before });
    }
    if (info.cert === this.#service.certificate.pem) return;
    const certificate = parseCertificate(info.cert);
    // While the ledger is followed from its beginning, the service may be one that was lost since.
    if (certificate.publicKey.id !== this.#service.certificate.publicKey.id) return;
    this.#service = { ...this.#service, certificate };
    this.#publishService();
  }

  /** Members may have given this node's certificate another period; the one it made itself then gets the same. */
  #readEndorsement(): void {
    const { identity, config, random } = this.#parts;
    const pem = nodeEndorsedCertificates.get(this.#store.begin(), identity.id);
    if (pem === undefined || pem === this.#endorsedPem) return;
    this.#endorsedPem = pem;
    identity.selfSignedPem = renewSelfSigned(identity.key, config, parseCertificate(pem), random);
    this.present();
  }

  /** A joiner was given the certificate by its operator, who may keep it where it may not be written. */
  #publishService(): void {
    const { config, outbox } = this.#parts;
    if (config.command.type === 'Join') return;
    outbox.push({ kind: 'output', file: 'service-certificate', text: this.#service.certificate.pem });
  }
}
