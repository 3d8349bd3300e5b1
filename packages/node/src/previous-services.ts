import { endorsePreviousService, type Random, type ServiceIdentity } from './identity.ts';

/** An epoch of the service that ended in a recovery. */
export interface PastService {
  /** Last seqno of the epoch. */
  readonly until: number;
  readonly certificatePem: string;
}

/** Earlier identities of a service, for receipts of their time. */
export class PreviousServices {
  readonly #past: PastService[];
  readonly #random: Random;
  readonly #endorsements = new Map<string, readonly string[]>();

  /** Epochs in order. */
  constructor(past: readonly PastService[], random: Random) {
    this.#past = [...past];
    this.#random = random;
  }

  /** Another epoch has ended, unless it is known. */
  add(past: PastService): void {
    if (!this.#past.some(({ until }) => until === past.until)) this.#past.push(past);
  }

  /** Certificates from the one that issued a node's certificate then to one the present service issued. */
  endorsementsAt(seqno: number, service: ServiceIdentity): readonly string[] {
    const epoch = this.#past.find((past) => seqno <= past.until);
    if (!epoch) return [];
    const key = `${epoch.until} ${service.certificate.id}`;
    let endorsements = this.#endorsements.get(key);
    if (!endorsements) {
      endorsements = [endorsePreviousService(service, epoch.certificatePem, this.#random).pem];
      this.#endorsements.set(key, endorsements);
    }
    return endorsements;
  }
}
