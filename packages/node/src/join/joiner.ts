import { parseErrorBody } from '@coco/api';
import { CryptoError, fromBase64, toBase64 } from '@coco/crypto';
import { LedgerSecrets } from '@coco/ledger';
import { type Attested, type NodeEvidence, noNonce, type TpmActivation } from '../attester.ts';
import type { JoinCommand } from '../config.ts';
import { NodeError } from '../errors.ts';
import type { FetchResult } from '../event.ts';
import { beginAt, keepSnapshot } from '../lifecycle/beginning.ts';
import { describeNode } from '../lifecycle/create.ts';
import { limits } from '../limits.ts';
import type { Beginning, NodeParts } from '../parts.ts';
import { PreviousServices } from '../previous-services.ts';
import {
  type FoundSnapshot,
  readNewest,
  SnapshotFetch,
  type SnapshotTrust,
  seqnoOf,
} from '../snapshot-search.ts';
import type { ActivationChallenge } from './activation.ts';
import { type JoinRequest, signEncryptionKey } from './request.ts';
import { identityOf, type Welcome } from './welcome.ts';

/** What a joiner was told by its operator, and what it shows. */
export interface JoinerOptions {
  readonly command: JoinCommand['join'];
  /** Of the service to join. */
  readonly servicePem: string;
  readonly evidence: NodeEvidence;
  readonly nodeData: unknown;
}

/** How a joiner ends: it may begin, or it was refused for good. */
export interface JoinerListener {
  joined(beginning: Beginning): void;
  refused(reason: string): void;
}

/** Between being trusted and hearing that this is committed. */
const commitPauseMs = 50;
/** Redirects followed when asking for a snapshot; the primary may change meanwhile. */
const redirectsMax = 3;

/**
 * The way into a service: asks one of its nodes until members trust this one, receives the secrets, and finds the newest
 * snapshot to begin with. The ledger after it comes through consensus.
 */
export class Joiner {
  readonly #parts: NodeParts;
  readonly #options: JoinerOptions;
  readonly #listener: JoinerListener;
  #address: string;
  #startupSeqno = 0;
  #pauses: { msLeft: number; readonly then: () => void }[] = [];
  #evidence: NodeEvidence;
  #challenges = 0;

  constructor(parts: NodeParts, options: JoinerOptions, listener: JoinerListener) {
    this.#parts = parts;
    this.#options = options;
    this.#listener = listener;
    this.#address = options.command.target_rpc_address;
    this.#evidence = options.evidence;
  }

  /** Seqno of the snapshot it expects to begin with. */
  get startupSeqno(): number {
    return this.#startupSeqno;
  }

  start(): void {
    const { world } = this.#parts;
    world.readSnapshot({ newestBefore: Number.MAX_SAFE_INTEGER }, { from: 0, to: 0 }, ({ name }) => {
      this.#startupSeqno = name === null ? 0 : seqnoOf(name);
      if (this.#options.command.fetch_recent_snapshot) this.#lookForNewer();
      else this.#ask();
    });
  }

  tick(elapsedMs: number): void {
    const pauses = this.#pauses;
    this.#pauses = [];
    for (const pause of pauses) {
      pause.msLeft -= elapsedMs;
      if (pause.msLeft > 0) this.#pauses.push(pause);
      else pause.then();
    }
  }

  #after(ms: number, then: () => void): void {
    this.#pauses.push({ msLeft: ms, then });
  }

  /** Where the service would let this node begin; what cannot be learnt now is learnt with the answer to the request. */
  #lookForNewer(redirects = 0): void {
    this.#fetch(`/node/snapshot?since=${this.#startupSeqno + 1}`, null, (result) => {
      const location = 'error' in result || result.status !== 308 ? undefined : result.headers.location;
      const name = location === undefined ? '' : (new URL(location).pathname.split('/').at(-1) ?? '');
      if (location !== undefined && seqnoOf(name) === 0 && redirects < redirectsMax) {
        // A backup names the primary, which names the snapshot.
        this.#address = new URL(location).host;
        this.#lookForNewer(redirects + 1);
        return;
      }
      this.#startupSeqno = Math.max(this.#startupSeqno, seqnoOf(name));
      this.#ask();
    });
  }

  #ask(): void {
    const request = new TextEncoder().encode(JSON.stringify(this.#request()));
    this.#fetch('/node/join', request, (result) => {
      try {
        this.#take(result);
      } catch (error) {
        if (!(error instanceof NodeError || error instanceof CryptoError)) throw error;
        this.#listener.refused(error.message);
      }
    });
  }

  #request(): JoinRequest {
    const { identity } = this.#parts;
    const { nodeData } = this.#options;
    const evidence = this.#evidence;
    const info = describeNode(this.#parts, { nodeData, evidence });
    return {
      node_info_network: {
        node_to_node_interface: info.node_to_node_interface,
        rpc_interfaces: info.rpc_interfaces,
      },
      quote_info: info.quote_info,
      public_encryption_key: info.encryption_pub_key,
      encryption_key_signature: signEncryptionKey(identity),
      startup_seqno: this.#startupSeqno,
      certificate_signing_request: identity.csr.pem,
      node_data: nodeData,
      ...(evidence.activation === undefined ? {} : { activation: shownActivation(evidence.activation) }),
    };
  }

  #take(result: FetchResult): void {
    const { outbox } = this.#parts;
    const { command } = this.#options;
    if ('error' in result) {
      outbox.log('info', `Could not ask ${this.#address} to join: ${result.error}`);
      this.#askAfter(command.retry_timeout);
      return;
    }
    const { status, headers } = result;
    if (status === 308 && headers.location !== undefined && command.follow_redirect) {
      this.#address = new URL(headers.location).host;
      this.#ask();
    } else if (status === 200) this.#takeStanding(result.body);
    else if (status === 400 && command.fetch_recent_snapshot && isTooOld(result.body)) {
      // The snapshot to begin with was not to be had when this node looked for it.
      this.#after(command.retry_timeout, () => this.#lookForNewer());
    } else if (status >= 400 && status < 500)
      throw new NodeError('JoinRefused', `${this.#address} refused this node: ${textOf(result.body)}`);
    else {
      outbox.log(
        'info',
        `${this.#address} cannot admit this node at the moment: ${status} ${textOf(result.body)}`,
      );
      this.#askAfter(command.retry_timeout);
    }
  }

  #takeStanding(body: Uint8Array): void {
    const { node_status: status, network_info: welcome, activation } = readAnswer(body);
    if (activation) this.#answerChallenge(activation);
    else if (welcome) this.#enter(welcome);
    else if (status === 'Trusted')
      this.#askAfter(Math.min(commitPauseMs, this.#options.command.retry_timeout));
    else this.#askAfter(this.#options.command.retry_timeout);
  }

  /** Whoever asks may be another node than the one before: each has challenges of its own. */
  #answerChallenge({ id_object, encrypted_seed }: ActivationChallenge): void {
    this.#challenges += 1;
    if (this.#challenges > limits.joinChallengesMax) {
      throw new NodeError('JoinRefused', 'the service does not accept what the TPM of this machine answers');
    }
    const credential = { idObject: fromBase64(id_object), encryptedSeed: fromBase64(encrypted_seed) };
    this.#parts.attester.ask(noNonce, (result) => this.#answered(result), credential);
  }

  #answered(result: Attested): void {
    if ('error' in result) {
      this.#listener.refused(`the TPM of this machine did not answer a challenge: ${result.error}`);
      return;
    }
    this.#evidence = result.evidence;
    this.#ask();
  }

  /** The primary may be another by then: the question goes where the operator said. */
  #askAfter(ms: number): void {
    this.#after(ms, () => {
      this.#address = this.#options.command.target_rpc_address;
      this.#ask();
    });
  }

  #enter(welcome: Welcome): void {
    const { identity, outbox } = this.#parts;
    const { service, ledgerSecrets, lostSecrets } = identityOf(welcome, this.#options.servicePem, identity);
    const secrets = new LedgerSecrets();
    const verifiesOnly = welcome.sealed_secrets === undefined;
    for (const { from, raw } of ledgerSecrets) secrets.add(from, raw);
    for (const from of lostSecrets) secrets.lose(from);
    const finish = (found: FoundSnapshot | null): void => {
      if ((found?.loaded.txId.seqno ?? 0) < welcome.ledger_begins_after) {
        const lacks = `The service holds nothing before ${welcome.ledger_begins_after}, and no snapshot of then is to be had yet.`;
        outbox.log('info', lacks);
        this.#askAfter(this.#options.command.retry_timeout);
        return;
      }
      const beginning = beginAt(found, {
        service,
        secrets,
        endorsedPem: welcome.endorsed_certificate,
        cose: welcome.cose_signatures_config,
        introduced: welcome.nodes,
        publicOnly: welcome.public_only || verifiesOnly,
        verifiesOnly,
        previousServices: (past) => new PreviousServices(past, this.#parts.random),
      });
      outbox.push({ kind: 'begin-ledger', after: beginning.origin.seqno });
      this.#listener.joined(beginning);
    };
    const caPem = service.certificate.pem;
    if (!welcome.public_only) {
      this.#find({ servicePem: caPem, ...(verifiesOnly ? {} : { secrets }) }, caPem, finish);
      return;
    }
    // What the members' shares have yet to open is not in the state: it is followed from the beginning, or from a
    // snapshot of the lost service, whose private part is read later.
    const { ledger_begins_after: after, previous_service_identity: previous } = welcome;
    if (after === 0) finish(null);
    else if (previous === undefined)
      this.#listener.refused('the service being recovered names no previous identity');
    else
      this.#find({ servicePem: previous }, caPem, (found) => {
        if (found && found.loaded.txId.seqno >= after) finish(found);
        else this.#listener.refused(`no snapshot of the lost service of ${after} or later is to be had`);
      });
  }

  /** Finds the newest snapshot there is, here or where this node was admitted. */
  #find(trust: SnapshotTrust, caPem: string, done: (found: FoundSnapshot | null) => void): void {
    const { outbox, world } = this.#parts;
    readNewest({ world, outbox }, trust, (local) => this.#fetchNewer(local, trust, caPem, done));
  }

  #fetchNewer(
    local: FoundSnapshot | null,
    trust: SnapshotTrust,
    caPem: string,
    finish: (found: FoundSnapshot | null) => void,
  ): void {
    const { outbox, world } = this.#parts;
    if (!this.#options.command.fetch_recent_snapshot) {
      finish(local);
      return;
    }
    const fetch = new SnapshotFetch(
      { world, outbox },
      { ...this.#fetchOptions(), caPem },
      trust,
      (fetched) => {
        if (fetched) keepSnapshot(fetched, outbox);
        finish(fetched ?? local);
      },
    );
    fetch.start((local?.loaded.txId.seqno ?? 0) + 1);
  }

  #fetchOptions() {
    const { fetch_snapshot_max_attempts, fetch_snapshot_max_size, fetch_snapshot_retry_interval } =
      this.#options.command;
    return {
      address: this.#address,
      attemptsMax: fetch_snapshot_max_attempts,
      bytesMax: fetch_snapshot_max_size,
      pause: (then: () => void) => this.#after(fetch_snapshot_retry_interval, then),
    };
  }

  #fetch(path: string, body: Uint8Array | null, then: (result: FetchResult) => void): void {
    const request = {
      url: `https://${this.#address}${path}`,
      method: body === null ? 'GET' : 'POST',
      headers: body === null ? {} : { 'content-type': 'application/json' },
      body,
      caPem: this.#options.servicePem,
      presentsNode: true,
    } as const;
    this.#parts.world.fetch(request, then);
  }
}

interface JoinAnswer {
  readonly node_status?: string;
  readonly network_info?: Welcome;
  readonly activation?: ActivationChallenge;
}

function shownActivation({ certificates, secret }: TpmActivation): NonNullable<JoinRequest['activation']> {
  return { certificates, ...(secret === undefined ? {} : { secret: toBase64(secret) }) };
}

function readAnswer(body: Uint8Array): JoinAnswer {
  try {
    return JSON.parse(textOf(body));
  } catch {
    throw new NodeError('JoinRefused', 'the service answered the request to join with what is not JSON');
  }
}

function isTooOld(body: Uint8Array): boolean {
  try {
    return parseErrorBody(JSON.parse(textOf(body)))?.error.code === 'StartupSeqnoIsOld';
  } catch {
    return false;
  }
}

function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}
