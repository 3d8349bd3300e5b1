import { generateKeyPair, issueCertificate } from '@coco/crypto';
import type { Cluster } from './cluster.ts';
import type { Machine, Reply } from './machine.ts';

const dayMs = 86_400_000;

const endpoint = (js_function: string, mode: string) => ({
  js_module: 'deals.js',
  js_function,
  forwarding_required: mode === 'readwrite' ? 'always' : 'sometimes',
  redirection_strategy: mode === 'readwrite' ? 'to_primary' : 'none',
  authn_policies: ['user_cert'],
  mode,
  openapi: {},
});

const source = `
const bytes = (value) => ccf.strToBuf(JSON.stringify(value));
const deals = ccf.kv['audience:deals'];
export function strike({ body }) {
  const { id, with: other, ...terms } = body.json();
  ccf.access.setAudience(['caller', other]);
  deals.set(ccf.strToBuf(id), bytes(terms));
  ccf.access.setClaims({ id, ...terms });
  return { statusCode: 200 };
}
export function list() {
  return { body: [...deals.range()].map(([key, value]) => [ccf.bufToStr(key), ccf.bufToJsonCompatible(value)]) };
}
export function credit({ body }) {
  for (const { writes } of body.json().transactions)
    for (const { map, key, value } of writes)
      if (map === 'audience:deals') {
        const terms = JSON.parse(fromBase64(value));
        deals.set(ccf.strToBuf('credit ' + fromBase64(key)), bytes({ credit: terms.price, seen: deals.size }));
      }
  return { statusCode: 200 };
}
export function creditAll({ body }) {
  ccf.access.setAudience(['baker', 'grocer']);
  return credit({ body });
}
export function creditByChance({ body }) {
  deals.set(ccf.crypto.generateAesKey(128), bytes({}));
  return credit({ body });
}
export function creditInTheOpen({ body }) {
  const told = body.json().transactions.flatMap(({ writes }) => writes);
  ccf.kv['public:credits'].set(ccf.strToBuf('credit'), bytes(told.map(({ value }) => fromBase64(value))));
  return { statusCode: 200 };
}
export function refuse() {
  return { statusCode: 409 };
}
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
function fromBase64(text) {
  let bits = 0, count = 0, out = '';
  for (const letter of text.replaceAll('=', '')) {
    bits = (bits << 6) | letters.indexOf(letter);
    count += 6;
    if (count >= 8) { count -= 8; out += String.fromCharCode((bits >> count) & 255); }
  }
  return out;
}`;

/**
 * Deals between two parties: `POST /deals` strikes one with a party, `GET /deals` lists the caller's. `credit` makes up
 * for deals; `creditAll` tries to do so where others see it, `creditInTheOpen` where everybody does.
 */
const dealsApp = {
  metadata: {
    endpoints: { '/deals': { post: endpoint('strike', 'readwrite'), get: endpoint('list', 'readonly') } },
    compensations: ['credit', 'creditAll', 'creditByChance', 'creditInTheOpen', 'refuse'].map(
      (js_function) => ({
        js_module: 'deals.js',
        js_function,
      }),
    ),
  },
  modules: [{ name: 'deals.js', module: source }],
};

/** A user of a service in memory. */
export interface User {
  readonly id: string;
  readonly pem: string;
  readonly der: Uint8Array;
}

/** Somebody with a certificate that is valid around `now`, ms. */
export function makeUser(name: string, now: number): User {
  const key = generateKeyPair('P-256');
  const { der, id, pem } = issueCertificate({
    subject: `CN=${name}`,
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: now - dayMs,
    notAfter: now + 100 * dayMs,
    serial: crypto.getRandomValues(new Uint8Array(16)),
  });
  return { id, pem, der };
}

/** Users of the deals, by what they may see. */
export interface Traders {
  /** Act for the parties `grocer`, `mill` and `baker`. */
  readonly ann: User;
  readonly bob: User;
  readonly cid: User;
  /** Acts for nobody, and holds the role `auditor`. */
  readonly rita: User;
}

/** Installs the deals on an open service, with everybody who uses them. */
export function openDeals(cluster: Cluster): Traders {
  const made = (name: string) => makeUser(name, cluster.now);
  const traders = { ann: made('ann'), bob: made('bob'), cid: made('cid'), rita: made('rita') };
  const { ann, bob, cid, rita } = traders;
  cluster.propose(
    cluster.primary,
    { name: 'set_js_app', args: { bundle: dealsApp } },
    ...Object.values(traders).map(({ pem }) => ({ name: 'set_user', args: { cert: pem } })),
    ...['grocer', 'mill', 'baker'].map((party) => ({ name: 'set_party', args: { party } })),
    { name: 'set_access_user', args: { user_id: ann.id, party: 'grocer' } },
    { name: 'set_access_user', args: { user_id: bob.id, party: 'mill' } },
    { name: 'set_access_user', args: { user_id: cid.id, party: 'baker' } },
    { name: 'set_access_user', args: { user_id: rita.id, roles: ['auditor'] } },
  );
  cluster.pass(100);
  return traders;
}

/** Strikes a deal on behalf of a user. */
export function strike(
  cluster: Cluster,
  at: Machine,
  who: User,
  deal: { readonly id: string; readonly with: string; readonly price: number },
): Reply {
  const session = cluster.session(who.der);
  return cluster.request(at, 'POST', '/app/deals', { session, body: JSON.stringify(deal) });
}

/** Asks as a user, again for as long as the node reads its ledger files. */
export function askAs(cluster: Cluster, at: Machine, who: User, target: string, headers = {}): Reply {
  let reply: Reply | undefined;
  cluster.passUntil(`${target} is answered`, () => {
    reply = cluster.request(at, 'GET', target, { session: cluster.session(who.der), headers });
    return reply.status !== 202;
  });
  return reply as Reply;
}
