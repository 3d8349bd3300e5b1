import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changeDigest, planDigest, type UndoPreviewOut } from '@coco/api';
import { type Tx, utf8ToByteString } from '@coco/kv';
import { formatTxId } from '@coco/ledger';
import fc from 'fast-check';
import { recordReads, standings, undos } from '../index.ts';
import { compensations } from '../tables/application.ts';
import { Consortium } from '../testing/consortium.ts';
import { testEngine } from '../testing/engine.ts';
import type { Person } from '../testing/people.ts';
import { variant } from '../testing/texts.ts';

const engine = testEngine();
const prices = 'public:prices';
const orders = 'orders';

/** An open service whose application is written by the test. */
class Shop {
  readonly service: Consortium;

  constructor(members = 1) {
    const roles = Array.from({ length: members }, () => 'participant' as const);
    this.service = new Consortium({ engine, constitution: variant(), recoveryThreshold: 1, roles });
    this.service.activateAll();
    const makeUp = { js_module: '/orders.js', js_function: 'makeUp' };
    this.service.write((tx) => compensations.set(tx, '/orders.js:makeUp', makeUp));
  }

  /** Runs a transaction of the application and answers its id. */
  run(change: (tx: Tx) => void, options: { readonly recorded?: boolean } = {}): string {
    this.service.write((tx) => {
      change(tx);
      if (options.recorded !== false) recordReads(tx);
    });
    return this.latest;
  }

  set(map: string, key: string, value: string): string {
    return this.run((tx) => tx.set(map, key, value));
  }

  /** An order at the price of the day. */
  order(id: string, item: string): string {
    return this.run((tx) => tx.set(orders, id, `${item} at ${tx.get(prices, item) ?? 'no price'}`));
  }

  get latest(): string {
    return formatTxId({ view: 2, seqno: this.service.store.version });
  }

  get(map: string, key: string): string | undefined {
    return this.service.store.begin().get(map, key);
  }

  preview(transactions: readonly string[], policy = 'restore', more: object = {}): UndoPreviewOut {
    const [member] = this.service.members as [Person];
    const payload = { transactions, policy, ...more };
    const answer = this.service.post('/gov/service/undo:preview', member, { type: 'preview', payload });
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  }

  /** Votes for what was previewed. Answers the transaction that did it. */
  undo(transactions: readonly string[], policy = 'restore', more: object = {}): string {
    const { plan, problems } = this.preview(transactions, policy, more);
    assert.ok(plan !== undefined, JSON.stringify(problems));
    const answer = this.service.pass(action(transactions, policy, { plan, ...more }));
    assert.equal((answer.body as { proposalState?: string }).proposalState, 'Accepted', answer.text);
    return this.latest;
  }

  standing(id: string): string | undefined {
    return standings.get(this.service.store.begin(), id)?.standing;
  }
}

const action = (transactions: readonly string[], policy: string, more: object) => ({
  name: 'undo_transactions',
  args: { transactions, policy, ...more },
});
const codes = ({ problems }: UndoPreviewOut) => problems.map(({ code }) => code);

describe('an undo by restore', () => {
  test('gives back what was there before, says what it did, and leaves the rest alone', () => {
    const shop = new Shop();
    shop.set(prices, 'tea', '3');
    shop.set(prices, 'milk', '1');
    const mistake = shop.run((tx) => {
      tx.set(prices, 'tea', '300');
      tx.delete(prices, 'milk');
      tx.set(prices, 'salt', '2');
    });
    shop.set(prices, 'bread', '4');
    const undo = shop.undo([mistake]);
    const now = ['tea', 'milk', 'salt', 'bread'].map((item) => shop.get(prices, item));
    assert.deepEqual(now, ['3', '1', undefined, '4']);
    assert.equal(shop.standing(mistake), 'undone');
    const [[, record]] = [...undos.entries(shop.service.store.begin())] as [[string, object]];
    assert.deepEqual(record, {
      policy: 'restore',
      plan: (record as { plan: string }).plan,
      transactions: [mistake],
      undone: [mistake],
      restored: [],
      undoneAgain: [],
    });
    assert.equal(shop.service.written.at(-1)?.seqno, Number(undo.split('.')[1]));
  });

  test('is refused when something has read or overwritten it, and the preview shows what', () => {
    const shop = new Shop();
    const price = shop.set(prices, 'tea', '300');
    const order = shop.order('1', 'tea');
    const total = shop.run((tx) => tx.set(orders, 'total', String([...tx.range(prices)].length)));
    const again = shop.set(prices, 'tea', '3');
    const preview = shop.preview([price]);
    assert.deepEqual(codes(preview), ['DependedOn', 'DependedOn', 'DependedOn']);
    assert.equal(preview.possible, false);
    assert.deepEqual(preview.dependencies, [
      { on: price, by: order, keys: 1, kinds: ['read'] },
      { on: price, by: total, keys: 1, kinds: ['scan'] },
      { on: price, by: again, keys: 1, kinds: ['overwrite'] },
    ]);
  });
});

describe('an undo by cascade', () => {
  test('takes everything along that hangs on it, all of it listed beforehand', () => {
    const shop = new Shop();
    shop.set(prices, 'tea', '3');
    const price = shop.set(prices, 'tea', '300');
    const order = shop.order('1', 'tea');
    const other = shop.order('2', 'milk');
    const copy = shop.run((tx) => tx.set(orders, 'copy', tx.get(orders, '1') ?? ''));
    assert.deepEqual(shop.preview([price], 'cascade').undone, [price, order, copy]);
    shop.undo([price], 'cascade');
    const now = ['1', '2', 'copy'].map((id) => shop.get(orders, id));
    assert.deepEqual(now, [undefined, 'milk at no price', undefined]);
    assert.equal(shop.get(prices, 'tea'), '3');
    assert.deepEqual(
      [price, order, copy, other].map((id) => shop.standing(id)),
      ['undone', 'undone', 'undone', undefined],
    );
  });
});

describe('an undo by compensation', () => {
  test('writes what the contract’s function makes of it, previewed like the rest', () => {
    const shop = new Shop();
    const order = shop.order('1', 'tea');
    shop.run((tx) => tx.set(orders, 'copy', tx.get(orders, '1') ?? ''));
    const told: unknown[] = [];
    shop.service.compensate = ({ body, function: name, module }) => {
      told.push(name, module, JSON.parse(body));
      const writes = new Map([[prices, new Map([['credit', utf8ToByteString('300')]])]]);
      return { kind: 'wrote', writes, reads: new Map(), parcels: [] };
    };
    const how = { module: 'orders.js', function: 'makeUp' };
    const [change] = shop.preview([order], 'compensate', how).changes;
    assert.deepEqual([change?.key, change?.from, change?.to], [{ text: 'credit' }, null, { text: '300' }]);
    assert.deepEqual(told, [
      'makeUp',
      'orders.js',
      {
        transactions: [
          {
            transaction_id: order,
            writes: [{ map: orders, key: btoa('1'), value: btoa('tea at no price'), before: null }],
          },
        ],
      },
    ]);
    shop.undo([order], 'compensate', how);
    assert.equal(shop.get(prices, 'credit'), '300');
    assert.equal(shop.get(orders, '1'), 'tea at no price');
    assert.equal(shop.standing(order), 'undone');
  });

  test('is itself undone before a cascade takes along what it made up for', () => {
    const shop = new Shop();
    const price = shop.set(prices, 'tea', '300');
    const order = shop.order('1', 'tea');
    const writes = new Map([[orders, new Map([['credit', utf8ToByteString('300')]])]]);
    shop.service.compensate = () => ({ kind: 'wrote', writes, reads: new Map(), parcels: [] });
    const credit = shop.undo([order], 'compensate', { module: 'orders.js', function: 'makeUp' });
    const { problems } = shop.preview([price], 'cascade');
    assert.deepEqual(
      problems.map(({ code, message }) => [code, message]),
      [
        [
          'CannotCascade',
          `${order} depends on what would be undone, and was made up for by ${credit}: undo that first.`,
        ],
      ],
    );
    shop.undo([credit]);
    shop.undo([price], 'cascade');
    assert.deepEqual([shop.get(orders, '1'), shop.get(orders, 'credit')], [undefined, undefined]);
  });

  test('cannot be when the function fails', () => {
    const shop = new Shop();
    const order = shop.order('1', 'tea');
    const how = { module: 'orders.js', function: 'makeUp' };
    assert.deepEqual(codes(shop.preview([order], 'compensate', how)), ['CompensationFailed']);
  });
});

describe('an undo', () => {
  test('fails whole, and says why, when the state has moved since the preview', () => {
    const shop = new Shop(3);
    shop.set(prices, 'tea', '3');
    const price = shop.set(prices, 'tea', '300');
    const { basis, plan } = shop.preview([price], 'cascade');
    const [m0, m1] = shop.service.members as [Person, Person];
    const proposed = shop.service.propose(m0, action([price], 'cascade', { plan, previewed_at: basis }), {
      name: 'set_js_runtime_options',
      args: { max_heap_bytes: 1, max_stack_bytes: 1, max_execution_time_ms: 1 },
    });
    const { proposalId } = proposed.body as { proposalId: string };
    shop.service.vote(m0, proposalId);
    const order = shop.order('1', 'tea');
    const last = shop.service.vote(m1, proposalId);
    assert.equal(last.status, 409);
    assert.match(last.text, /The plan is not the one that was previewed/);
    assert.match(
      last.text,
      new RegExp(`Since ${basis}, 1 transaction touched it, first seqno ${order.slice(2)}`),
    );
    assert.equal(shop.get(prices, 'tea'), '300');
    assert.equal(shop.standing(price), undefined);
    assert.equal(shop.service.get(`/gov/members/proposals/${proposalId}`).status, 200);
  });

  test('of the wrong plan cannot even be proposed', () => {
    const shop = new Shop();
    const price = shop.set(prices, 'tea', '300');
    const [m0] = shop.service.members as [Person];
    const answer = shop.service.propose(m0, action([price], 'restore', { plan: 'ab'.repeat(32) }));
    assert.equal(answer.status, 400);
    assert.match(answer.text, /not the one that was previewed/);
  });

  for (const policy of ['restore', 'cascade']) {
    test(`can be undone by ${policy} as often as members like`, () => {
      const shop = new Shop();
      shop.set(prices, 'tea', '3');
      const price = shop.set(prices, 'tea', '300');
      const order = shop.order('1', 'tea');
      let latest = shop.undo([price], 'cascade');
      for (let times = 1; times < 7; times++) {
        const isUndone = times % 2 === 1;
        assert.equal(shop.get(prices, 'tea'), isUndone ? '3' : '300', `after ${times}`);
        assert.equal(shop.get(orders, '1'), isUndone ? undefined : 'tea at 300', `after ${times}`);
        assert.equal(shop.standing(order), isUndone ? 'undone' : 'restored');
        latest = shop.undo([latest], policy);
      }
    });
  }

  test('can be undone, and that again', () => {
    const shop = new Shop();
    shop.set(prices, 'tea', '3');
    const price = shop.set(prices, 'tea', '300');
    const order = shop.order('1', 'tea');
    const first = shop.undo([price], 'cascade');
    const second = shop.undo([first]);
    assert.equal(shop.get(prices, 'tea'), '300');
    assert.equal(shop.get(orders, '1'), 'tea at 300');
    assert.deepEqual(
      [price, order, first].map((id) => shop.standing(id)),
      ['restored', 'restored', 'undone'],
    );
    assert.deepEqual(codes(shop.preview([first])), ['AlreadyUndone']);
    shop.undo([second]);
    assert.equal(shop.get(prices, 'tea'), '3');
    assert.deepEqual(
      [price, order, first, second].map((id) => shop.standing(id)),
      ['undone', 'undone', 'restored', 'undone'],
    );
  });

  test('brings nothing back that hangs on something undone since', () => {
    const shop = new Shop();
    const price = shop.set(prices, 'tea', '300');
    const order = shop.order('1', 'tea');
    const first = shop.undo([order]);
    shop.undo([price]);
    assert.deepEqual(codes(shop.preview([first])), ['DependsOnUndone']);
  });

  test('of an undo takes along what was built on it', () => {
    const shop = new Shop();
    shop.set(prices, 'tea', '3');
    const price = shop.set(prices, 'tea', '300');
    const first = shop.undo([price]);
    const order = shop.order('1', 'tea');
    assert.deepEqual(codes(shop.preview([first])), ['DependedOn']);
    assert.deepEqual(shop.preview([first], 'cascade').undone, [first, order]);
  });

  const refused: readonly [string, (shop: Shop) => string, string][] = [
    [
      'governance',
      (shop) => {
        shop.service.pass({ name: 'remove_js_app' });
        return shop.latest;
      },
      'NotOfTheApplication',
    ],
    ['what never was', () => '2.99999', 'NotCommitted'],
    [
      'what is undone already',
      (shop) => {
        const price = shop.set(prices, 'tea', '3');
        shop.undo([price]);
        return price;
      },
      'AlreadyUndone',
    ],
    ['the first transaction of the service', () => '2.1', 'NotOfTheApplication'],
  ];
  for (const [what, make, code] of refused) {
    test(`of ${what} is refused`, () => {
      const shop = new Shop();
      assert.deepEqual(codes(shop.preview([make(shop)])), [code]);
    });
  }

  test('goes together with no other, and is carried by a proposal of its own', () => {
    const shop = new Shop();
    const [tea, milk] = [shop.set(prices, 'tea', '3'), shop.set(prices, 'milk', '1')];
    const undo = shop.undo([tea]);
    assert.deepEqual(codes(shop.preview([milk, undo])), ['UndoIsUndoneAlone']);
    const salt = shop.set(prices, 'salt', '1');
    const both = [milk, salt].map((id) => action([id], 'restore', { plan: shop.preview([id]).plan }));
    assert.match(shop.service.pass(...both).text, /A proposal carries one undo/);
    assert.equal(shop.get(prices, 'milk'), '1');
  });

  test('past transactions of unknown reads needs their word for it', () => {
    const shop = new Shop();
    const price = shop.set(prices, 'tea', '300');
    shop.run((tx) => tx.set(orders, '1', 'tea at 300'), { recorded: false });
    const preview = shop.preview([price]);
    assert.deepEqual([codes(preview), preview.unrecordedReads], [['ReadsNotRecorded'], 1]);
    shop.undo([price], 'restore', { allow_unrecorded_reads: true });
    assert.equal(shop.get(prices, 'tea'), undefined);
  });

  test('that another proposal is about to do is done once: the later one fails, and says why', () => {
    const shop = new Shop(3);
    shop.set(prices, 'tea', '3');
    const price = shop.set(prices, 'tea', '300');
    const { plan } = shop.preview([price]);
    const [m0, m1] = shop.service.members as [Person, Person];
    const [first, second] = [m0, m1].map((member) => {
      const proposed = shop.service.propose(member, action([price], 'restore', { plan }));
      return (proposed.body as { proposalId: string }).proposalId;
    }) as [string, string];
    for (const member of [m0, m1]) shop.service.vote(member, second);
    assert.equal(shop.get(prices, 'tea'), '3');
    const again = [m0, m1].map((member) => shop.service.vote(member, first)).at(-1);
    assert.match(again?.text ?? '', /cannot be undone: 2\.\d+ was undone by 2\.\d+\./);
    assert.equal(shop.service.get(`/gov/members/proposals/${first}`).status, 200);
    assert.equal([...undos.entries(shop.service.store.begin())].length, 1);
  });

  test('of the proposals and ballots of another undo is refused, and that one goes its way', () => {
    const shop = new Shop(3);
    const price = shop.set(prices, 'tea', '300');
    const [m0, m1] = shop.service.members as [Person, Person];
    const { plan } = shop.preview([price]);
    const proposed = shop.service.propose(m0, action([price], 'restore', { plan }));
    const { proposalId } = proposed.body as { proposalId: string };
    const proposal = shop.latest;
    shop.service.vote(m0, proposalId);
    for (const each of [proposal, shop.latest]) {
      for (const policy of ['restore', 'cascade'])
        assert.deepEqual(codes(shop.preview([each], policy)), ['NotOfTheApplication']);
    }
    shop.service.vote(m1, proposalId);
    assert.equal(shop.get(prices, 'tea'), undefined);
  });

  test('passes off a plan as no other: of more transactions, by another policy, or with reads unrecorded', () => {
    const shop = new Shop();
    shop.set(prices, 'tea', '3');
    const [tea, milk] = [shop.set(prices, 'tea', '300'), shop.set(prices, 'milk', '300')];
    const { plan } = shop.preview([tea]);
    const [m0] = shop.service.members as [Person];
    for (const other of [
      action([tea, milk], 'restore', { plan }),
      action([milk], 'restore', { plan }),
      action([tea], 'cascade', { plan }),
      action([tea], 'restore', { plan, allow_unrecorded_reads: true }),
      action([tea], 'restore', { plan: plan?.toUpperCase() }),
      action([tea], 'restore', {}),
    ]) {
      const refused = shop.service.propose(m0, other);
      assert.equal(refused.status, 400, JSON.stringify(other));
    }
    assert.equal(shop.get(prices, 'tea'), '300');
  });

  const senseless: readonly [unknown, RegExp][] = [
    [{ transactions: [], policy: 'restore' }, /transactions must be a list of 1 to/],
    [{ transactions: ['2.5', '2.5'], policy: 'restore' }, /must be distinct/],
    [{ transactions: ['2.05'], policy: 'restore' }, /must be transaction ids/],
    [{ transactions: [5], policy: 'restore' }, /must be transaction ids/],
    [{ transactions: ['2.5'], policy: 'erase' }, /policy must be one of restore, cascade, compensate/],
    [{ transactions: ['2.5'], policy: 'restore', module: 'a.js' }, /go with policy compensate/],
    [{ transactions: ['2.5'], policy: 'compensate' }, /module must be the name/],
    [{ transactions: ['2.5'], policy: 'restore', allow_unrecorded_reads: 1 }, /must be a boolean/],
    [[], /not a JSON object/],
  ];
  for (const [payload, message] of senseless) {
    test(`of ${JSON.stringify(payload)} makes no sense`, () => {
      const { members, service } = { members: shared.service.members as [Person], service: shared.service };
      const sent = { type: 'preview' as const, payload: payload as object };
      const answer = service.post('/gov/service/undo:preview', members[0], sent);
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.text, message);
    });
  }
});

const shared = new Shop();

describe('a preview', () => {
  test('shows what is public, of what is private only that it changes, and binds both', () => {
    const shop = new Shop();
    const both = shop.run((tx) => {
      tx.set(prices, 'tea', '300');
      tx.set(orders, 'secret-key', 'secret-value');
    });
    const preview = shop.preview([both]);
    const [open, hidden] = preview.changes;
    assert.deepEqual(Object.keys(hidden ?? {}), ['digest']);
    assert.doesNotMatch(JSON.stringify(preview), /secret|orders/);
    assert.ok(open?.key?.text === 'tea' && open.salt !== undefined && open.map !== undefined);
    const content = { map: open.map, key: 'tea', from: '300', to: null, salt: atob(open.salt) };
    assert.equal(changeDigest(content), open.digest);
    const { changes, plan, ...whole } = preview;
    const digests = changes.map(({ digest }) => digest);
    assert.equal(planDigest({ ...whole, changes: digests }), plan);
    assert.notEqual(planDigest({ ...whole, changes: digests, policy: 'cascade' }), plan);
  });

  test('of worlds that differ only in what is hidden differs only in digests', () => {
    const worlds = [
      ['k1', 'short'],
      ['another key', 'a much longer value '.repeat(200)],
    ] as const;
    const [one, other] = worlds.map(([key, value]) => {
      const shop = new Shop();
      const both = shop.run((tx) => {
        tx.set(prices, 'tea', '300');
        tx.set(orders, key, value);
      });
      const order = shop.run((tx) => tx.set(orders, 'copy', tx.get(orders, key) ?? ''));
      const preview = shop.preview([both], 'cascade');
      assert.deepEqual(preview.undone, [both, order]);
      return JSON.stringify(preview).replace(/"(digest|plan|salt)":"[^"]+"/g, '"$1":""');
    });
    assert.equal(one, other);
  });

  test('of whatever is asked is refused or given, and nothing else', () => {
    const names = fc.constantFrom(
      'transactions',
      'policy',
      'module',
      'function',
      'allow_unrecorded_reads',
      'x',
    );
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom<unknown>(
        'restore',
        'compensate',
        true,
        ['2.5'],
        ['2.5', '2.7'],
        ['1.5'],
        ['2.9007199254740993'],
      ),
    );
    const asked = fc
      .array(fc.tuple(names, values), { maxLength: 6 })
      .map((fields) => Object.fromEntries(fields));
    const [member] = shared.service.members as [Person];
    fc.assert(
      fc.property(asked, (payload) => {
        const answer = shared.service.post('/gov/service/undo:preview', member, { type: 'preview', payload });
        assert.ok(answer.status === 200 || answer.status === 400, answer.text);
      }),
      { numRuns: 100 },
    );
  });

  test('is the same whoever looks, and however often', () => {
    const shop = new Shop();
    const price = shop.set(prices, 'tea', '300');
    const { plan } = shop.preview([price]);
    shop.set(prices, 'milk', '1');
    assert.equal(shop.preview([price]).plan, plan);
  });

  test('leaves no trace', () => {
    const shop = new Shop();
    const price = shop.set(prices, 'tea', '300');
    const { version } = shop.service.store;
    shop.preview([price]);
    assert.equal(shop.service.store.version, version);
  });
});
