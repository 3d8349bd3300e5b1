// Worlds that differ only in the keys and values of rows: what a node of another company stores and is sent is compared.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Audiences, hasAudiences, isOwnTable, readSlip, segmentBytes, tables } from '@coco/access';
import { sha256ByteString } from '@coco/crypto';
import { recordedReads } from '@coco/governance';
import { type ByteString, bytesToByteString, decodeReadSet, type WriteSet } from '@coco/kv';
import { decodeEntry, readSnapshot, splitSnapshot } from '@coco/ledger';
import { type Company, Consortium } from '../testing/companies.ts';
import type { Machine } from '../testing/machine.ts';
import { decodeWire } from '../wire.ts';

/** What two companies deal: keys, the last of them one's alone, and texts. */
interface Dealings {
  readonly keys: readonly [string, string, string];
  readonly texts: readonly [string, string, string];
}

const dealings: Dealings = {
  keys: ['order-77', 'order-78', 'order-77'],
  texts: ['two hundred sacks of rye at 41.70', 'nine sacks of wheat, as last year', ' and a half'],
};
/** Other words of the same lengths, and others of them equal. */
const others: Dealings = {
  keys: ['advice-1', 'zucchini', 'cucumber'],
  texts: ['ninety-nine red balloons, all red', 'ninety-nine red balloons, all red', ' and no more'.slice(1)],
};
/** Other lengths; each within the size to which it is padded. */
const longer: Dealings = {
  keys: ['no-77', 'order-no-78', 'order-79'],
  texts: ['two hundred sacks of barley at 39.20', 'nine sacks, as last year', ' and not one sack more'],
};

/** The two that deal, and the one whose node is watched. */
interface Cast {
  readonly parties: readonly [Company, Company];
  readonly watched: Company;
}

/** What makes equal what only looks different: what was drawn, or made of keys, is named by where it came up first. */
class Masks {
  readonly #names = new Map<string, string>();

  add(kind: string, secret: ByteString): void {
    const hex = hexOf(secret);
    if (!this.#names.has(hex)) this.#names.set(hex, `<${kind} ${this.#names.size}>`);
  }

  /** Bytes as hexadecimal digits, with names for what was masked. */
  shown(bytes: ByteString): string {
    let text = hexOf(bytes);
    for (const [hex, name] of this.#names) text = text.replaceAll(hex, name);
    return text;
  }
}

const hexOf = (bytes: ByteString) => Buffer.from(bytes, 'latin1').toString('hex');

/** What parties deal while a node of neither is watched, from when everything is quiet. */
class Watch {
  readonly market = new Consortium({ snapshotEvery: 12 });
  readonly watched: Machine;
  readonly #masks = new Masks();
  /** Every message from and to the node: when and which way, and what it was. */
  readonly #messages: { readonly way: string; readonly bytes: Uint8Array }[] = [];
  readonly #from: number;

  constructor({ parties, watched }: Cast, { keys, texts }: Dealings) {
    const { market } = this;
    const { cluster } = market;
    this.watched = market.nodes[watched];
    cluster.pass(1_000);
    this.#from = this.watched.ledger.size;
    const begun = cluster.now;
    cluster.tamper = (message, from, to) => {
      if (from === this.watched || to === this.watched)
        this.#messages.push({
          way: `${cluster.now - begun} ${from.name} ${to.name}`,
          bytes: message.slice(),
        });
      return message;
    };
    const [one, other] = parties;
    const at = market.nodes[one];
    market.place(one, at, keys[2], [one], texts[1]);
    market.place(other, market.nodes[other], keys[0], parties, texts[0]);
    market.place(one, at, keys[1], parties, texts[1]);
    market.ask(other, market.nodes[other], 'POST', `/app/deals/${keys[0]}`, { body: texts[2] });
    assert.equal(market.read(other, at, keys[0]), texts[0] + texts[2]);
    market.ask(one, at, 'GET', '/app/deals');
    market.ask(other, at, 'GET', `/app/transactions?map=audience:deals&key=${keys[1]}`);
    cluster.pass(500);
  }

  /** What the node's disk holds of it. */
  get disk(): object {
    const { watched } = this;
    const entries = [...watched.ledger].filter(([seqno]) => seqno > this.#from);
    return {
      entries: entries.map(([, entry]) => this.#entry(entry)),
      snapshots: [...watched.snapshots.values()].map((snapshot) => this.#snapshot(snapshot)),
      parcels: [...watched.parcels.keys()],
      log: watched.log.length,
    };
  }

  /** What its channels carried of it; which audience is looked into first follows from ids, which are random. */
  get messages(): string[] {
    return this.#messages.map(({ way, bytes }) => `${way} ${this.#said(bytes)}`).sort();
  }

  /** The service's secret of private transactions, which every node has. */
  get secret() {
    const { replica } = this.watched.node;
    const secret = replica && new Audiences(replica.store, () => assert.fail()).secret;
    assert.ok(secret);
    return secret;
  }

  get #secrets() {
    const { replica } = this.watched.node;
    assert.ok(replica);
    return replica.secrets;
  }

  #said(bytes: Uint8Array): string {
    const said = decodeWire(bytes);
    if (said.kind === 'consensus') {
      const { message } = said;
      if (message.kind !== 'append') return JSON.stringify(message);
      const entries = message.entries.map(({ bytes }) => this.#entry(bytes));
      return JSON.stringify({ ...message, entries });
    }
    // Requests and parcels go over a channel that only the two nodes can read: there is their size to see.
    return `${said.kind} of ${bytes.length} bytes`;
  }

  #entry(bytes: Uint8Array): string {
    const { writeSet } = decodeEntry(bytes, this.#secrets);
    const isSignature = writeSet.has('public:ccf.internal.signatures');
    // Of roots and signatures nobody learns more than of what they are over, which is here.
    return isSignature ? 'a signature' : `${bytes.length} bytes: ${this.#rows(writeSet)}`;
  }

  #snapshot(bytes: Uint8Array): string {
    const { maps } = readSnapshot(splitSnapshot(bytes).entry, this.#secrets);
    const writes = [...maps].map(
      ([map, rows]) => [map, new Map([...rows].map(({ key, value }) => [key, value]))] as const,
    );
    return this.#rows(new Map(writes));
  }

  /** The rows that have to do with audiences, as text; in no order, since what rows are named by is random. */
  #rows(writeSet: WriteSet): string {
    const shown: string[] = [];
    for (const [map, writes] of writeSet) {
      if (!hasAudiences(map) && !isOwnTable(map)) continue;
      for (const [key, value] of writes) {
        this.#mask(map, key, value);
        shown.push(`${map} ${this.#masks.shown(key)} ${this.#masks.shown(value ?? '-')}`);
      }
    }
    const reads = [...(writeSet.get(recordedReads.name)?.values() ?? [])];
    return [...shown.sort(), ...reads.flatMap((value) => this.#reads(value ?? ''))].join('\n');
  }

  /** What a transaction read, by audience: the order in which these are looked into is random. */
  #reads(value: ByteString): string[] {
    return [...decodeReadSet(value)].flatMap(([map, { keys, intervals }]) => {
      const segmentOf = (key: ByteString) => this.#masks.shown(key.slice(0, segmentBytes));
      const ordered = keys.toSorted((a, b) => (segmentOf(a) < segmentOf(b) ? -1 : 1));
      for (const key of ordered) this.#mask(map, key, null);
      const bounds = intervals.map(
        ({ from, to }) => `${this.#masks.shown(from)} ${this.#masks.shown(to ?? '')}`,
      );
      return [`reads ${map}`, ...ordered.map((key) => this.#masks.shown(key)), ...bounds.sort()];
    });
  }

  #mask(map: string, key: ByteString, value: ByteString | null): void {
    const masks = this.#masks;
    if (map === tables.secret && value) masks.add('secret', value);
    if (map === tables.audiences) masks.add('audience', key);
    if (hasAudiences(map)) {
      masks.add('name', key.slice(segmentBytes));
      masks.add('mark', this.secret.keyMark(map, key.slice(segmentBytes)));
    }
    if (value && (hasAudiences(map) || map === tables.keys || map === tables.claims))
      masks.add('slip', readSlip(value).id);
  }
}

const map = 'audience:deals';
const casts: readonly [string, Cast][] = [
  ['follows', { parties: ['bank', 'mill'], watched: 'baker' }],
  ['leads, and runs what they deal', { parties: ['mill', 'baker'], watched: 'bank' }],
];

for (const [name, cast] of casts)
  describe(`a node of another company that ${name}`, () => {
    const before = new Watch(cast, dealings);

    test('is sent the same, at the same time, whatever keys and values are', () => {
      const after = new Watch(cast, others);
      assert.deepEqual(after.disk, before.disk);
      assert.deepEqual(after.messages, before.messages);
    });

    test('keeps the same, also of rows of other lengths', () => {
      assert.deepEqual(new Watch(cast, longer).disk, before.disk);
    });

    test('finds nothing by which to tell a right guess', () => {
      const [key] = dealings.keys;
      const [value] = dealings.texts;
      const held = before.market.atRest(before.watched);
      const { secret } = before;
      for (const made of [
        secret.keyMark(map, key),
        sha256ByteString(key),
        sha256ByteString(value),
        bytesToByteString(secret.nonceOf({ map, key }, value)),
      ])
        assert.ok(!held.includes(made));
    });
  });

test('a company is answered as fast while the parcels of others are waited for', () => {
  const [silent, busy] = [false, true].map((isBusy) => {
    const market = new Consortium();
    const { cluster } = market;
    const { bank, mill, baker } = market.nodes;
    cluster.isolate(bank, baker);
    const body = { parties: ['mill', 'baker'], text: dealings.texts[0] };
    const waiting = isBusy ? market.begin('mill', mill, 'PUT', '/app/deals/1', { body }) : undefined;
    const begun = cluster.now;
    const seen = [
      market.ask('bank', bank, 'PUT', '/app/deals/1', { body: { parties: ['bank'], text: 'own' } }).status,
      market.read('bank', bank, '1'),
      market.ask('bank', bank, 'GET', '/app/deals').text,
      cluster.now - begun,
    ];
    assert.equal(waiting?.(), undefined, 'the others wait still');
    return seen;
  });
  assert.deepEqual(busy, silent);
});
