import {
  Audiences,
  audienceIdFromHex,
  changeMembers,
  noParcels,
  ParcelDesk,
  Shelves,
  shredAudience,
} from '@coco/access';
import type { Engine } from '@coco/contracts';
import {
  generateKeyPair,
  issueCertificate,
  type PrivateKey,
  parseCertificate,
  sha256,
  sha256ByteString,
} from '@coco/crypto';
import { bytesToByteString, Lineage, Store, type Tx, type WriteSet } from '@coco/kv';
import type { VersionedSecret } from '@coco/ledger';
import {
  authenticate,
  type ClientCertificate,
  combineSubmittedShares,
  type Genesis,
  type GenesisMember,
  type GovContext,
  type GovernanceWorld,
  type GovResponse,
  genesis,
  type NodeActions,
  openProposals,
  openService,
  reconsider,
  refreshShares,
  rekeyLedger,
  serviceInfo,
  signatures,
  traceOf,
  type UndoPlanning,
  validityPeriod,
} from '../index.ts';
import { assertConforms } from './conform.ts';
import {
  type Message,
  makePerson,
  type Person,
  rsaKey,
  seededRandom,
  signMessage,
  testNow,
} from './people.ts';
import { virtualClaims } from './platform.ts';
import { route } from './route.ts';

/** An answer as a test looks at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON; undefined when it is not. */
  readonly body: never;
  /** Version of the store afterwards. */
  readonly version: number;
}

/** How a test consortium begins. */
export interface ConsortiumOptions {
  readonly engine: Engine;
  readonly constitution: string;
  /** One entry per member: whether it takes part in recovery, and as what. */
  readonly roles?: readonly ('none' | 'participant' | 'owner')[];
  readonly recoveryThreshold?: number;
}

/**
 * A service of governance alone: one store, one node that really keeps ledger secrets and really issues
 * certificates, no network and no ledger. Requests go through authentication and the table of endpoints, and
 * are committed or discarded as a node does it.
 */
export class Consortium {
  readonly store = new Store();
  readonly members: readonly Person[];
  readonly serviceKey: PrivateKey = generateKeyPair('P-256');
  readonly nodeKey: PrivateKey = rsaKey(9);
  readonly random = seededRandom('consortium');
  readonly log: string[] = [];
  /** Every transaction that was committed, as a ledger would hold it. */
  readonly written: { readonly seqno: number; readonly writeSet: WriteSet }[] = [];
  /** What accepted proposals made the node do, in order. */
  readonly effects: string[] = [];
  /** Who read and wrote what; a test that makes transactions of the application records its reads. */
  readonly lineage = new Lineage(1);
  readonly audiences = new Audiences(this.store, this.random);
  /** Stands for the contract's function that makes up for transactions. */
  compensate: UndoPlanning['compensate'] = () => ({ kind: 'failed', reason: 'there is no contract' });
  serviceCertificate: string;
  secret: VersionedSecret = { from: 1, raw: this.random(32) };
  /** The ledger secret that recovery brought back. */
  recovered: Uint8Array | undefined;
  #readingPrivateLedger = false;
  #clock = Math.floor(testNow / 1000);
  readonly #engine: Engine;

  constructor(options: ConsortiumOptions) {
    this.#engine = options.engine;
    this.store.onApply((version, writeSet) => this.lineage.record(version, traceOf(writeSet)));
    const roles = options.roles ?? ['participant', 'participant', 'participant'];
    let keys = 0;
    this.members = roles.map((role, i) => makePerson(`member${i}`, role === 'none' ? undefined : keys++));
    this.serviceCertificate = this.#issueServiceCertificate('260101000000Z', 365);
    const tx = this.store.begin();
    genesis(tx, this.#genesis(options, roles));
    this.#commit(tx);
  }

  #genesis(options: ConsortiumOptions, roles: readonly string[]): Genesis {
    const members = this.members.map((member, i): GenesisMember => {
      const { certificate, encryptionKey } = member;
      if (encryptionKey === undefined) return { certificate };
      const encryptionPublicKey = encryptionKey.publicKey.pem;
      const data = { name: `member${i}` };
      if (roles[i] === 'owner') return { certificate, encryptionPublicKey, data, recoveryRole: 'Owner' };
      return { certificate, encryptionPublicKey, data };
    });
    return {
      constitution: options.constitution,
      members,
      configuration: { recoveryThreshold: options.recoveryThreshold ?? 0 },
      serviceCertificate: this.serviceCertificate,
      createTxId: '2.1',
      node: {
        id: 'a'.repeat(64),
        info: nodeRecord(this.nodeKey.publicKey.pem),
        platform: virtualClaims('ab'.repeat(32)),
        verified: testNow,
      },
    };
  }

  #issueServiceCertificate(validFrom: string, days: number): string {
    const { notBefore, notAfter } = validityPeriod(validFrom, days);
    return issueCertificate({
      subject: 'CN=Test Service',
      publicKey: this.serviceKey.publicKey,
      issuerKey: this.serviceKey,
      issuerCert: 'self',
      notBefore,
      notAfter,
      serial: this.random(16),
      isCa: true,
    }).pem;
  }

  /** Runs something in a transaction of its own, as the node itself would. */
  write(change: (tx: Tx) => void): void {
    const tx = this.store.begin();
    change(tx);
    this.#commit(tx);
  }

  /** The node signs the history: from now on there is a root to acknowledge. */
  sign(): void {
    const root = sha256(`root ${this.store.version}`);
    this.write((tx) =>
      signatures.set(tx, {
        sig: '',
        node: 'a'.repeat(64),
        seqno: this.store.version + 1,
        view: 2,
        commit_seqno: 1,
        commit_view: 2,
        root: root.toHex(),
      }),
    );
  }

  get(path: string): Answer {
    return this.send('GET', path);
  }

  /** Sends a signed request; the time of signing moves on by a second each time unless it is said. */
  post(path: string, signer: Person, message: Message): Answer {
    const createdAt = 'createdAt' in message ? message.createdAt : ++this.#clock;
    return this.send('POST', path, signMessage(signer, { ...message, createdAt }));
  }

  send(
    method: string,
    path: string,
    body: Uint8Array = new Uint8Array(0),
    headers: Record<string, string> = body.length > 0 ? { 'content-type': 'application/cose' } : {},
    certificate: ClientCertificate | null = null,
  ): Answer {
    const [bare = '', search = 'api-version=2024-07-01'] = path.split('?');
    const { endpoint, params } = route(method, bare);
    const tx = this.store.begin();
    const found = authenticate(tx, endpoint.auth, { headers, body, certificate }, testNow);
    if (found.kind === 'refused') {
      const { code, message, details } = found;
      const refusal = JSON.stringify({ error: { code, message, details } });
      return this.#answer({ status: found.status, headers: [], body: refusal });
    }
    const request = { method, path: bare, params, query: new URLSearchParams(search), headers, body };
    const caller = found.caller === null ? {} : { caller: found.caller as NonNullable<GovContext['caller']> };
    const response = endpoint.handle({ tx, request, world: this.world(tx), ...caller });
    if (response.applyWrites ?? (response.status >= 200 && response.status < 300)) this.#commit(tx);
    else tx.discard();
    const answer = this.#answer(response);
    assertConforms(method, bare, answer);
    return answer;
  }

  #commit(tx: Tx): void {
    const result = tx.commit();
    if (result.kind === 'conflict') throw new Error('a test raced with itself');
    if (result.kind === 'committed') this.written.push({ seqno: result.version, writeSet: result.writeSet });
  }

  #answer({ status, headers, body }: GovResponse): Answer {
    const text =
      typeof body === 'string' ? Buffer.from(body, 'latin1').toString() : Buffer.from(body).toString();
    return {
      status,
      headers: Object.fromEntries(headers),
      text,
      body: parsed(text) as never,
      version: this.store.version,
    };
  }

  /** Looks again at every open proposal, each in its own transaction, until none of them changes. */
  reconsiderAll(): void {
    let changed = true;
    while (changed) {
      changed = false;
      for (const id of openProposals(this.store.begin())) {
        const tx = this.store.begin();
        const resolution = reconsider(tx, this.world(tx), id);
        if (resolution?.kind === 'standing') {
          this.#commit(tx);
          changed = true;
        } else tx.discard();
      }
    }
  }

  world(tx: Tx): GovernanceWorld {
    return {
      engine: this.#engine,
      node: this.#node(),
      now: testNow,
      random: this.random,
      merkleRoot: () => bytesToByteString(sha256(`root at ${tx.readVersion}`)),
      statusOf: ({ seqno }) => (seqno <= this.store.version ? 'Committed' : 'Unknown'),
      lastCommitted: () => ({ view: 2, seqno: Math.max(tx.readVersion, 1) }),
      viewOf: () => 2,
      log: (level, message) => this.log.push(`${level}: ${message}`),
      undo: this.#undo(),
    };
  }

  #undo(): UndoPlanning {
    return {
      kind: 'planning',
      lineage: this.lineage,
      place: { view: 2, seqno: this.store.version + 1 },
      reachBack: () => 'known',
      past: (version) => this.written.find(({ seqno }) => seqno === version)?.writeSet ?? 'missing',
      salt: (version, change) => sha256ByteString(`${version} ${change}`),
      audiences: this.audiences,
      shelves: new Shelves(this.audiences, new ParcelDesk(noParcels)),
      lacking: () => undefined,
      storing: () => undefined,
      compensate: (call) => this.compensate(call),
    };
  }

  #node(): NodeActions {
    const { random } = this;
    return {
      triggerLedgerRekey: (tx) => {
        const next = random(32);
        rekeyLedger(tx, { current: this.secret, next, random });
        this.secret = { from: this.store.version + 2, raw: next };
        this.effects.push('rekey');
      },
      transitionServiceToOpen: (tx, previous, next) => {
        this.effects.push(openService(tx, { previous, next, ledgerSecret: this.secret.raw, random }));
      },
      triggerRecoverySharesRefresh: (tx) => {
        refreshShares(tx, { ledgerSecret: this.secret.raw, random });
        this.effects.push('reshare');
      },
      triggerLedgerChunk: () => this.effects.push('chunk'),
      triggerSnapshot: () => this.effects.push('snapshot'),
      latestLedgerSecretSeqno: () => this.secret.from,
      endorseNodeCertificate: (_, csr, from, days) => {
        const { notBefore, notAfter } = validityPeriod(from, days);
        const issuerCert = parseCertificate(this.serviceCertificate);
        return issueCertificate({
          subject: 'CN=Test Node',
          publicKey: this.nodeKey.publicKey,
          issuerKey: this.serviceKey,
          issuerCert,
          notBefore,
          notAfter,
          serial: sha256(csr).subarray(0, 16),
        }).pem;
      },
      renewServiceCertificate: (_, from, days) => this.#issueServiceCertificate(from, days),
      currentLedgerSecret: () => this.secret,
      changeAudience: (tx, id, change) => changeMembers(tx, audienceIdFromHex(id), change, this.random),
      shredAudience: (tx, id) => shredAudience(tx, audienceIdFromHex(id), this.random),
      isReadingPrivateLedger: () => this.#readingPrivateLedger,
      initiatePrivateRecovery: (tx) => {
        this.recovered = combineSubmittedShares(tx, this.secret);
        this.#readingPrivateLedger = true;
      },
    };
  }

  // What members do, in words.

  propose(member: Person, ...actions: readonly { name: string; args?: unknown }[]): Answer {
    return this.post('/gov/members/proposals:create', member, { type: 'proposal', payload: { actions } });
  }

  vote(member: Person, proposalId: string, ballot = 'export function vote() { return true; }'): Answer {
    const path = `/gov/members/proposals/${proposalId}/ballots/${member.id}:submit`;
    return this.post(path, member, { type: 'ballot', proposalId, payload: { ballot } });
  }

  withdraw(member: Person, proposalId: string): Answer {
    const path = `/gov/members/proposals/${proposalId}:withdraw`;
    return this.post(path, member, { type: 'withdrawal', proposalId });
  }

  /** What a proposal would come to, asked over a connection with the member's certificate. */
  preview(member: Person, asked: object): Answer {
    const body = new TextEncoder().encode(JSON.stringify(asked));
    const headers = { 'content-type': 'application/json' };
    const certificate = parseCertificate(member.certificate);
    return this.send('POST', '/gov/members/proposals:preview', body, headers, certificate);
  }

  /** Asks for the latest digest and acknowledges it. */
  activate(member: Person): Answer {
    const path = `/gov/members/state-digests/${member.id}`;
    const update = this.post(`${path}:update`, member, { type: 'state_digest' });
    const { stateDigest } = update.body as { stateDigest: string };
    return this.post(`${path}:ack`, member, { type: 'ack', payload: { stateDigest } });
  }

  /** Signs the history and has every member acknowledge it. */
  activateAll(): void {
    this.sign();
    for (const member of this.members) this.activate(member);
  }

  /** Proposes and votes until the proposal is closed or all have voted in favour. */
  pass(...actions: readonly { name: string; args?: unknown }[]): Answer {
    const [proposer] = this.members as [Person, ...Person[]];
    let answer = this.propose(proposer, ...actions);
    const { proposalId } = answer.body as { proposalId: string };
    for (const member of this.members) {
      if (answer.status !== 200 || (answer.body as { proposalState: string }).proposalState !== 'Open') break;
      answer = this.vote(member, proposalId);
    }
    return answer;
  }

  /** Activates everybody and opens the service. */
  open(): Answer {
    this.activateAll();
    return this.pass({
      name: 'transition_service_to_open',
      args: { next_service_identity: serviceInfo.require(this.store.begin()).cert },
    });
  }
}

/** A node record such as a node writes about itself. */
export function nodeRecord(encryptionKey: string, nodeData: unknown = null): Genesis['node']['info'] {
  const claims = {
    measurement: 'Insecure hard-coded virtual measurement v1',
    report_data: Buffer.alloc(32).toString('base64'),
    host_data: 'ab'.repeat(32),
  };
  return {
    node_to_node_interface: { bind_address: '127.0.0.1:0' },
    rpc_interfaces: { main: { bind_address: '127.0.0.1:0', published_address: '127.0.0.1:8000' } },
    quote_info: {
      format: 'Insecure_Virtual',
      quote: Buffer.from(JSON.stringify(claims)).toString('base64'),
      endorsements: '',
    },
    encryption_pub_key: encryptionKey,
    status: 'Pending',
    certificate_signing_request: 'a request',
    node_data: nodeData,
    retired_committed: false,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
