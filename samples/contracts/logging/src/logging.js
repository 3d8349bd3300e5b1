// The logging app: messages by id, in a private and in a public map. It has the endpoints of CCF's JavaScript logging
// sample, so that the two can be compared request by request.

const maps = { private: 'records', public: 'public:records' };
const pageSize = 2000;

// --- maps and requests

function parseQuery(request) {
  const pairs = request.query
    .split('&')
    .filter(Boolean)
    .map((pair) => pair.split('='));
  return Object.fromEntries(pairs.map(([name, ...rest]) => [name, rest.join('=')]));
}

/** `?scope=x` gives a caller maps of its own. */
function mapOf(kind, { scope }) {
  const name = scope === undefined ? maps[kind] : `${maps[kind]}-${scope}`;
  return ccf.kv[name];
}

function idOf(query) {
  const id = Number.parseInt(query.id, 10);
  if (Number.isNaN(id)) throw new TypeError('Query parameter id is missing or is not a number');
  return id;
}

const keyOf = (id) => ccf.strToBuf(String(id));

function notFound() {
  return { statusCode: 404, body: { error: { code: 'ResourceNotFound' } } };
}

// --- one record

function read(kind, request) {
  const query = parseQuery(request);
  const message = mapOf(kind, query).get(keyOf(idOf(query)));
  return message === undefined ? notFound() : { body: { msg: ccf.bufToStr(message) } };
}

function write(kind, request, messageOf) {
  const query = parseQuery(request);
  const { id, msg, record_claim } = request.body.json();
  if (!msg)
    return {
      statusCode: 400,
      body: { error: { code: 'InvalidInput', message: 'Cannot record an empty log message' } },
    };
  const map = mapOf(kind, query);
  map.set(keyOf(id), ccf.strToBuf(messageOf(msg)));
  if (record_claim) ccf.rpc.setClaimsDigest(ccf.crypto.digest('SHA-256', ccf.strToBuf(msg)));
  return { body: true };
}

function remove(kind, request) {
  const query = parseQuery(request);
  const map = mapOf(kind, query);
  const key = keyOf(idOf(query));
  const existed = map.has(key);
  map.delete(key);
  return { body: existed };
}

const same = (message) => message;

export const get_private = (request) => read('private', request);
export const get_public = (request) => read('public', request);
export const post_private = (request) => write('private', request, same);
export const post_public = (request) => write('public', request, same);
export const delete_private = (request) => remove('private', request);
export const delete_public = (request) => remove('public', request);

// --- whole maps

function clear(kind, request) {
  mapOf(kind, parseQuery(request)).clear();
  return { body: true };
}

function count(kind, request) {
  return { body: mapOf(kind, parseQuery(request)).size };
}

export const clear_private = (request) => clear('private', request);
export const clear_public = (request) => clear('public', request);
export const count_private = (request) => count('private', request);
export const count_public = (request) => count('public', request);

// --- who is calling

/** Only users whose user data says so. */
export function post_private_admin_only(request) {
  const { data } = request.caller;
  if (!data?.isAdmin) return { statusCode: 403, body: 'Only admins may access this endpoint' };
  return post_private(request);
}

/** Puts the caller's certificate before the message. */
export function post_private_prefix_cert(request) {
  const { cert } = request.caller;
  return write('private', request, (message) => `${cert ?? 'No certificate'}: ${message}`);
}

export function post_private_raw_text(request) {
  const type = request.headers['content-type'];
  if (type !== 'text/plain') {
    return { statusCode: 415, body: `Expected content-type 'text/plain'. Got '${type}'.` };
  }
  const id = Number.parseInt(request.params.id, 10);
  if (Number.isNaN(id)) {
    return {
      statusCode: 400,
      body: { error: { code: 'InvalidInput', message: 'The id in the path is not a number' } },
    };
  }
  const map = ccf.kv[maps.private];
  map.set(keyOf(id), request.body.arrayBuffer());
  return { body: true };
}

/** A rule of the app's own: a name and an age in headers, if old enough. */
export function custom_auth(request) {
  const name = request.headers['x-custom-auth-name'];
  if (!name) return { statusCode: 401, body: 'Missing required header x-custom-auth-name' };
  const age = Number.parseInt(request.headers['x-custom-auth-age'] ?? '', 10);
  if (Number.isNaN(age)) return { statusCode: 401, body: 'Missing required header x-custom-auth-age' };
  if (age < 16) return { statusCode: 401, body: `Caller age must be at least 16` };
  return { body: { name, age, description: `Your name is ${name} and you are ${age}` } };
}

function describeCertificate(kind, { id, data, cert }) {
  return [
    `${kind} TLS cert`,
    `The caller is a ${kind.toLowerCase()} with ID: ${id}`,
    `The caller's user data is: ${JSON.stringify(data)}`,
    `The caller's cert is:\n${cert}`,
  ];
}

const describe = {
  user_cert: (caller) => describeCertificate('User', caller),
  member_cert: (caller) => describeCertificate('Member', caller),
  any_cert: ({ cert }) => ['Any TLS cert', `The caller's cert is:\n${cert}`],
  jwt: ({ jwt }) => [
    'JWT',
    `The caller is identified by a JWT issued by: ${jwt.keyIssuer}`,
    `The JWT header is:\n${JSON.stringify(jwt.header, null, 2)}`,
    `The JWT payload is:\n${JSON.stringify(jwt.payload, null, 2)}`,
  ],
  user_cose_sign1: ({ id, cose }) => [
    'User COSE Sign1',
    `The caller is identified by a COSE Sign1 signed by kid: ${id}`,
    `The caller is identified by a COSE Sign1 with content of size: ${cose.content.byteLength}`,
  ],
  no_auth: () => ['Unauthenticated', 'The caller did not provide any authenticated identity'],
};

/** Says by which of many policies the caller came in. */
export function multi_auth(request) {
  const { caller } = request;
  const names = Array.isArray(caller.policy) ? caller.policy : [caller.policy];
  const parts = names.map((name) =>
    describe[name](Array.isArray(caller.policy) ? caller[name] : caller).join('\n'),
  );
  return {
    body: names.length > 1 ? [`Conjoined auth policy: ${names.join(',')}`, ...parts].join('\n') : parts[0],
  };
}

// --- history

function past(kind, request, withReceipt) {
  const query = parseQuery(request);
  const { historicalState } = ccf;
  const name = query.scope === undefined ? maps[kind] : `${maps[kind]}-${query.scope}`;
  const message = historicalState.kv[name].get(keyOf(idOf(query)));
  if (message === undefined) return { statusCode: 204 };
  const body = { msg: ccf.bufToStr(message) };
  return { body: withReceipt ? { ...body, receipt: historicalState.receipt } : body };
}

export const get_historical = (request) => past('private', request, false);
export const get_historical_with_receipt = (request) => past('private', request, true);
export const get_historical_public = (request) => past('public', request, false);

/** The claim itself is disclosed, so the receipt need not carry its digest: the verifier computes it. */
export function get_historical_public_with_receipt(request) {
  const response = past('public', request, true);
  const components = response.body?.receipt?.leaf_components;
  if (components === undefined) return response;
  const { claims_digest: _, ...rest } = components;
  return { body: { ...response.body, receipt: { ...response.body.receipt, leaf_components: rest } } };
}

function seqnoOf(text, fallback) {
  if (text === undefined) return fallback;
  const seqno = Number.parseInt(text, 10);
  if (Number.isNaN(seqno)) throw new TypeError(`${text} is not a transaction number`);
  return seqno;
}

/** A handle that is the same for the same question, and hardly for another. */
function handleOf(from, to, id) {
  const digest = ccf.crypto.digest('SHA-256', ccf.strToBuf(`${from}-${to}-${id}`));
  return new DataView(digest).getUint32(0);
}

function pastRange(kind, request) {
  const query = parseQuery(request);
  const id = idOf(query);
  const from = seqnoOf(query.from_seqno, 1);
  const committed = ccf.consensus.getLastCommittedTxId().seqno;
  const to = seqnoOf(query.to_seqno, committed);
  if (to < from) {
    const message = `Invalid range: starts at ${from} but ends at ${to}`;
    return { statusCode: 400, body: { error: { code: 'InvalidInput', message } } };
  }
  if (to > committed) {
    const message = `Only committed transactions can be queried. Transaction at seqno ${to} is not committed`;
    return { statusCode: 400, body: { error: { code: 'InvalidInput', message } } };
  }
  const end = Math.min(to, from + pageSize - 1);
  const states = ccf.historical.getStateRange(handleOf(from, end, id), from, end, 1800);
  if (states === null) {
    return {
      statusCode: 202,
      headers: { 'retry-after': '1' },
      body: `Historical transactions from ${from} to ${end} are not yet available, fetching now`,
    };
  }
  const entries = [];
  for (const { transactionId, kv } of states) {
    const message = kv[maps[kind]].get(keyOf(id));
    if (message === undefined) continue;
    entries.push({ seqno: Number.parseInt(transactionId.split('.')[1], 10), id, msg: ccf.bufToStr(message) });
  }
  const body = { entries };
  if (end < to) body['@nextLink'] = `${request.path}?from_seqno=${end + 1}&to_seqno=${to}&id=${id}`;
  return { body };
}

export const get_historical_range = (request) => pastRange('private', request);
export const get_historical_range_public = (request) => pastRange('public', request);
