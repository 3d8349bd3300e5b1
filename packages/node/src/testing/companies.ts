import assert from 'node:assert/strict';
import type { AccessRule } from '@coco/access';
import { generateKeyPair, issueCertificate, parseCertificate } from '@coco/crypto';
import { decodeEntry, readSnapshot, splitSnapshot } from '@coco/ledger';
import { Cluster, type ClusterOptions } from './cluster.ts';
import type { Machine, Reply } from './machine.ts';
import { voters } from './service.ts';

/** The companies of the tests: each has a node and a user. The bank's node is the first primary. */
export const companies = ['bank', 'mill', 'baker'] as const;
export type Company = (typeof companies)[number];

const source = `
const deals = ccf.kv['audience:deals'];
const bytes = (text) => ccf.strToBuf(text);
export function place({ params, body }) {
  const { parties, text } = body.json();
  ccf.access.setAudience(parties);
  deals.set(bytes(params.id), bytes(text));
  ccf.access.setClaims({ id: params.id, text });
  return { body: {} };
}
export function amend({ params, body }) {
  const before = deals.get(bytes(params.id));
  deals.set(bytes(params.id), bytes(ccf.bufToStr(before) + body.text()));
  return { body: {} };
}
export function read({ params }) {
  const row = deals.get(bytes(params.id));
  return row === undefined ? { statusCode: 404, body: {} } : { body: ccf.bufToStr(row) };
}
export function credit({ body }) {
  for (const { writes } of body.json().transactions)
    for (const { key, value, before } of writes.filter(({ map }) => map === 'audience:deals'))
      deals.set(bytes('credit'), bytes([key, value, before, deals.size].join(' ')));
  return { body: {} };
}
export const list = () => ({ body: [...deals.range()].map(([key, value]) => [ccf.bufToStr(key), ccf.bufToStr(value)]) });
export const past = () =>
  ({ body: [...ccf.historicalState.kv['audience:deals'].range()].map((row) => row.map((bytes) => ccf.bufToStr(bytes))) });
export function swallow() {
  let seen = 'nothing';
  try {
    seen = String(deals.size);
  } catch {}
  return { body: seen };
}
`;

const endpoint = (js_function: string, mode: string, access: AccessRule) => ({
  js_module: 'deals.js',
  js_function,
  mode,
  forwarding_required: mode === 'readwrite' ? 'always' : 'sometimes',
  authn_policies: ['user_cert', 'no_auth'],
  openapi: {},
  access,
});

const bundleOf = (access: AccessRule) => ({
  metadata: {
    endpoints: {
      '/deals/{id}': {
        put: endpoint('place', 'readwrite', access),
        post: endpoint('amend', 'readwrite', access),
        get: endpoint('read', 'readonly', access),
      },
      '/deals': { get: endpoint('list', 'readonly', access) },
      '/past': { get: endpoint('past', 'historical', access) },
      '/swallow': { get: endpoint('swallow', 'readonly', access) },
    },
    compensations: [{ js_module: 'deals.js', js_function: 'credit' }],
  },
  modules: [{ name: 'deals.js', module: source }],
});

/** What a request has beside its path. */
export interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a consortium differs from the default. */
export interface ConsortiumOptions extends ClusterOptions {
  /** What members voted for the app, and what its bundle declares of every endpoint. */
  readonly voted?: AccessRule;
  readonly declared?: AccessRule;
}

/** A service whose nodes are each a company's, and whose audiences are at home with their parties. */
export class Consortium {
  readonly cluster: Cluster;
  readonly nodes: Readonly<Record<Company, Machine>>;
  readonly #users = new Map<Company, Uint8Array>();

  constructor({ voted = { home: 'parties' }, declared = {}, ...options }: ConsortiumOptions = {}) {
    const cluster = new Cluster(options);
    this.cluster = cluster;
    const bank = cluster.start();
    const mill = cluster.join(bank);
    const baker = cluster.join(bank);
    this.nodes = { bank, mill, baker };
    cluster.passUntil('three nodes vote', () => voters(cluster, bank) === 3);
    cluster.propose(bank, ...companies.flatMap((company) => this.#introduce(company)), {
      name: 'set_access_rule',
      args: { about: 'app', rule: voted },
    });
    cluster.propose(bank, { name: 'set_js_app', args: { bundle: bundleOf(declared) } });
    const open = { next_service_identity: cluster.servicePem };
    cluster.propose(bank, { name: 'transition_service_to_open', args: open });
    cluster.pass(200);
  }

  /** What a company's user is told by a node, whenever it answers. */
  ask(company: Company, at: Machine, method: string, target: string, more: Asked = {}): Reply {
    const reply = this.begin(company, at, method, target, more);
    this.cluster.passUntil(`${at.name} answers ${method} ${target}`, () => reply() !== undefined);
    // What is read from the ledger files is there when it is asked for again.
    return reply()?.status === 202 ? this.ask(company, at, method, target, more) : (reply() as Reply);
  }

  /** Asks without waiting; the function answers what was said, once it was. */
  begin(
    company: Company,
    at: Machine,
    method: string,
    target: string,
    more: Asked = {},
  ): () => Reply | undefined {
    const { body, headers = {} } = more;
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const session = this.cluster.session(this.#users.get(company) ?? null);
    return this.cluster.ask(at, method, target, { session, headers, body: text });
  }

  /** A company places a deal with others; anything but success throws. */
  place(company: Company, at: Machine, id: string, parties: readonly Company[], text: string): Reply {
    const reply = this.ask(company, at, 'PUT', `/app/deals/${id}`, { body: { parties, text } });
    assert.equal(reply.status, 200, reply.text);
    this.cluster.pass(300);
    return reply;
  }

  /** What a company's user reads of a deal at a node. */
  read(company: Company, at: Machine, id: string): string {
    return this.ask(company, at, 'GET', `/app/deals/${id}`).text;
  }

  /** Everything that a machine has on its disks, opened as far as ledger secrets and tables go. */
  atRest(machine: Machine): string {
    const { replica } = machine.node;
    if (!replica) return '';
    const texts: string[] = [];
    const add = (bytes: Uint8Array) => texts.push(Buffer.from(bytes).toString('latin1'));
    for (const entry of machine.ledger.values()) {
      add(entry);
      const { writeSet } = decodeEntry(entry, replica.secrets);
      for (const [map, writes] of writeSet) texts.push(map, ...[...writes].flat().map(String));
    }
    for (const snapshot of machine.snapshots.values()) {
      add(snapshot);
      const { maps } = readSnapshot(splitSnapshot(snapshot).entry, replica.secrets);
      for (const [map, rows] of maps) texts.push(map, ...[...rows].flatMap(({ key, value }) => [key, value]));
    }
    for (const [path, bytes] of machine.parcels) {
      texts.push(path);
      add(bytes);
    }
    return texts.join('\n');
  }

  #introduce(company: Company): { name: string; args: unknown }[] {
    const { pem, id } = userOf(company, this.cluster.memberCertificate);
    this.#users.set(company, parseCertificate(pem).der);
    return [
      { name: 'set_user', args: { cert: pem } },
      { name: 'set_party', args: { party: company } },
      { name: 'set_access_user', args: { user_id: id, party: company } },
      { name: 'set_node_party', args: { node_id: this.nodes[company].id, party: company } },
    ];
  }
}

const users = new Map<Company, ReturnType<typeof issueCertificate>>();

/** A company's user, valid as long as another certificate; the same in every consortium, so that two can be compared. */
function userOf(company: Company, asLongAs: string): ReturnType<typeof issueCertificate> {
  const known = users.get(company);
  if (known) return known;
  const key = generateKeyPair('P-256');
  const { notBefore, notAfter } = parseCertificate(asLongAs);
  const made = issueCertificate({
    subject: `CN=${company}`,
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore,
    notAfter,
    serial: crypto.getRandomValues(new Uint8Array(16)),
  });
  users.set(company, made);
  return made;
}
