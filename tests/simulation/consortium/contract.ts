/** Accounts of the bank, each beginning with this much. */
export const ACCOUNTS = 4;
export const OPENING_BALANCE = 1000;

/** Whether a register lies in a map that everybody can read in the ledger. */
export function isPublic(key: string): boolean {
  return key.startsWith('p');
}

const source = `
const enc = (value) => ccf.strToBuf(JSON.stringify(value));
const dec = (buffer) => (buffer === undefined ? null : ccf.bufToJsonCompatible(buffer));
const registers = (key) => ccf.kv[key.startsWith('p') ? 'public:registers' : 'registers'];
const query = (request, name) => new RegExp('(?:^|&)' + name + '=([^&]*)').exec(request.query)[1];

export function write(request) {
  const { key, value } = request.body.json();
  const map = registers(key);
  const before = dec(map.get(ccf.strToBuf(key)));
  map.set(ccf.strToBuf(key), enc(value));
  ccf.rpc.setClaimsDigest(ccf.crypto.digest('SHA-256', ccf.strToBuf(value)));
  return { body: { before } };
}

export function swap(request) {
  const { key, from, to } = request.body.json();
  const map = registers(key);
  const before = dec(map.get(ccf.strToBuf(key)));
  if (before === from) map.set(ccf.strToBuf(key), enc(to));
  return { body: { before } };
}

export function read(request) {
  const key = query(request, 'key');
  return { body: { value: dec(registers(key).get(ccf.strToBuf(key))) } };
}

export function past(request) {
  const key = query(request, 'key');
  const { kv } = ccf.historicalState;
  return { body: { value: dec(kv[key.startsWith('p') ? 'public:registers' : 'registers'].get(ccf.strToBuf(key))) } };
}

const balance = (account) => dec(ccf.kv.accounts.get(ccf.strToBuf(account))) ?? ${OPENING_BALANCE};

export function transfer(request) {
  const { from, to, amount } = request.body.json();
  const paid = Math.min(amount, balance(from));
  ccf.kv.accounts.set(ccf.strToBuf(from), enc(balance(from) - paid));
  ccf.kv.accounts.set(ccf.strToBuf(to), enc(balance(to) + paid));
  return { body: { paid } };
}

export function total() {
  const balances = [];
  for (let account = 0; account < ${ACCOUNTS}; account++) balances.push(balance('account ' + account));
  return { body: { total: balances.reduce((sum, one) => sum + one, 0) } };
}
`;

/** What companies deal, in runs that have such. */
const dealsSource = `
const enc = (value) => ccf.strToBuf(JSON.stringify(value));
const dec = (buffer) => (buffer === undefined ? null : ccf.bufToJsonCompatible(buffer));
const deals = ccf.kv['audience:deals'];

export function strike(request) {
  const { deal, text } = request.body.json();
  ccf.access.setAudience(['north', 'south']);
  deals.set(ccf.strToBuf(deal), enc(text));
  return { body: {} };
}

export function deal(request) {
  return { body: { text: dec(deals.get(ccf.strToBuf(decodeURIComponent(/deal=([^&]*)/.exec(request.query)[1])))) } };
}
`;

function endpoint(js_function: string, mode: 'readwrite' | 'readonly' | 'historical') {
  return {
    js_module: 'app.js',
    js_function,
    forwarding_required: mode === 'readwrite' ? 'always' : 'sometimes',
    redirection_strategy: mode === 'readwrite' ? 'to_primary' : 'none',
    authn_policies: ['user_cert'],
    mode,
    openapi: {},
  };
}

/** What clients use: registers that are written, swapped and read, and a bank whose total never changes. */
export const bundle = {
  metadata: {
    endpoints: {
      '/register': { post: endpoint('write', 'readwrite'), get: endpoint('read', 'readonly') },
      '/register/swap': { post: endpoint('swap', 'readwrite') },
      '/register/past': { get: endpoint('past', 'historical') },
      '/transfer': { post: endpoint('transfer', 'readwrite') },
      '/total': { get: endpoint('total', 'readonly') },
    },
  },
  modules: [{ name: 'app.js', module: source }],
};

const atHome = { access: { home: 'parties' } };

/** The same, and deals that only the nodes of the companies keep that strike them. */
export const bundleWithDeals = {
  metadata: {
    endpoints: {
      ...bundle.metadata.endpoints,
      '/deal': {
        post: { ...endpoint('strike', 'readwrite'), js_module: 'deals.js', ...atHome },
        get: { ...endpoint('deal', 'readonly'), js_module: 'deals.js', ...atHome },
      },
    },
  },
  modules: [...bundle.modules, { name: 'deals.js', module: dealsSource }],
};
