import { concatBytes } from '@coco/crypto';
import { LedgerError, type LedgerSecrets, loadSnapshot, parseSnapshotName } from '@coco/ledger';
import type { Correspondence } from './correspondence.ts';
import type { FetchResult } from './event.ts';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';

/** What a snapshot restores, and the transaction that vouches for it. */
type VerifiedSnapshot = ReturnType<typeof loadSnapshot>;

/** A snapshot that verified. */
export interface FoundSnapshot {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly loaded: VerifiedSnapshot;
}

/** What vouches for a snapshot, and what opens it. */
export interface SnapshotTrust {
  /** PEM of the service certificate one trusts. */
  readonly servicePem: string;
  /** Without secrets only the public maps are read. */
  readonly secrets?: LedgerSecrets;
}

/** Seqno of the state of a snapshot, by its name; 0 for what is no name of one. */
export function seqnoOf(name: string): number {
  return parseSnapshotName(name.replace(/\.committed$/, ''))?.seqno ?? 0;
}

/** Verifies a snapshot before anything of it is believed; says in the log why one is refused. */
function verify(
  name: string,
  bytes: Uint8Array,
  { servicePem, secrets }: SnapshotTrust,
  outbox: Outbox,
): FoundSnapshot | undefined {
  try {
    return { name, bytes, loaded: loadSnapshot(bytes, servicePem, secrets) };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    outbox.log('fail', `Snapshot ${name} is refused: ${error.message}`);
    return undefined;
  }
}

/** Reads the newest snapshot of the host's directories that verifies; null when none does. */
export function readNewest(
  { world, outbox }: { readonly world: Correspondence; readonly outbox: Outbox },
  trust: SnapshotTrust,
  done: (found: FoundSnapshot | null) => void,
): void {
  const readFrom = (newestBefore: number): void => {
    let pieces: Uint8Array[] = [];
    const readPiece = (from: number): void => {
      const to = from + limits.snapshotPieceBytes;
      world.readSnapshot({ newestBefore }, { from, to }, ({ name, size, bytes }) => {
        if (name === null) return done(null);
        pieces.push(bytes);
        const end = from + bytes.length;
        if (bytes.length > 0 && end < size) return readPiece(end);
        const found = end < size ? undefined : verify(name, concatBytes(...pieces), trust, outbox);
        pieces = [];
        if (found) done(found);
        else readFrom(seqnoOf(name));
      });
    };
    readPiece(0);
  };
  readFrom(Number.MAX_SAFE_INTEGER);
}

/** How a snapshot is fetched from another node. */
export interface FetchOptions {
  /** A node's address, `host:port`. */
  readonly address: string;
  /** What its certificate has to chain to. */
  readonly caPem: string;
  readonly attemptsMax: number;
  readonly bytesMax: number;
  /** Calls back after the pause between two attempts. */
  readonly pause: (then: () => void) => void;
}

/**
 * Fetches the newest snapshot of another node beyond `since`, a range at a time: an attempt that fails is taken up where
 * it stopped. Verified before use; null when there is none, or none that can be had.
 */
export class SnapshotFetch {
  readonly #world: Correspondence;
  readonly #outbox: Outbox;
  readonly #options: FetchOptions;
  readonly #trust: SnapshotTrust;
  readonly #done: (found: FoundSnapshot | null) => void;
  #url = '';
  #name = '';
  #pieces: Uint8Array[] = [];
  #have = 0;
  #attempts = 0;

  constructor(
    { world, outbox }: { readonly world: Correspondence; readonly outbox: Outbox },
    options: FetchOptions,
    trust: SnapshotTrust,
    done: (found: FoundSnapshot | null) => void,
  ) {
    this.#world = world;
    this.#outbox = outbox;
    this.#options = options;
    this.#trust = trust;
    this.#done = done;
  }

  start(since: number): void {
    this.#look(`https://${this.#options.address}/node/snapshot?since=${since}`);
  }

  #look(url: string): void {
    this.#ask(url, {}, (result) => {
      const location = 'error' in result ? undefined : result.headers.location;
      if ('error' in result || (result.status !== 308 && result.status !== 404)) {
        this.#again(result, () => this.#look(url));
      } else if (result.status === 404 || location === undefined) {
        this.#done(null);
      } else {
        this.#name =
          new URL(location).pathname
            .split('/')
            .at(-1)
            ?.replace(/\.committed$/, '') ?? '';
        if (seqnoOf(this.#name) === 0) return this.#look(location);
        this.#url = location;
        this.#fetch();
      }
    });
  }

  #fetch(): void {
    const range = `bytes=${this.#have}-${this.#have + limits.snapshotPieceBytes}`;
    this.#ask(this.#url, { range }, (result) => {
      const total =
        'error' in result ? Number.NaN : Number(/\/(\d+)$/.exec(result.headers['content-range'] ?? '')?.[1]);
      if ('error' in result || result.status !== 206 || Number.isNaN(total) || result.body.length === 0) {
        this.#again(result, () => this.#fetch());
        return;
      }
      if (total > this.#options.bytesMax) {
        this.#outbox.log(
          'fail',
          `Snapshot ${this.#name} of ${total} bytes is larger than fetch_snapshot_max_size.`,
        );
        this.#done(null);
        return;
      }
      this.#attempts = 0;
      this.#pieces.push(result.body);
      this.#have += result.body.length;
      if (this.#have < total) this.#fetch();
      else this.#finish();
    });
  }

  #finish(): void {
    this.#done(verify(this.#name, concatBytes(...this.#pieces), this.#trust, this.#outbox) ?? null);
  }

  #again(result: FetchResult, retry: () => void): void {
    this.#attempts += 1;
    const why = 'error' in result ? result.error : `status ${result.status}`;
    this.#outbox.log('info', `A snapshot could not be fetched (attempt ${this.#attempts}): ${why}`);
    if (this.#attempts >= this.#options.attemptsMax) this.#done(null);
    else this.#options.pause(retry);
  }

  #ask(url: string, headers: Readonly<Record<string, string>>, then: (result: FetchResult) => void): void {
    const request = {
      url,
      method: 'GET',
      headers,
      body: null,
      caPem: this.#options.caPem,
      presentsNode: true,
    } as const;
    this.#world.fetch(request, then);
  }
}
