// What becomes of what only the parties keep when nodes and disks are lost, and when members decide otherwise.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Consortium } from '../testing/companies.ts';
import type { Machine } from '../testing/machine.ts';
import { loseAll, submitShare } from '../testing/recovery.ts';
import { voters } from '../testing/service.ts';
import { decodeWire } from '../wire.ts';

const both = ['mill', 'baker'] as const;
const pathsOf = (machine: Machine) => [...machine.parcels.keys()].sort();

/** Lets in a node of a party, with what its disk holds of before. */
function admit({ cluster }: Consortium, party: string, parcels = new Map<string, Uint8Array>()): Machine {
  const at = cluster.primary;
  const node = cluster.join(at, { disk: { parcels } });
  cluster.pass(1_000);
  const before = voters(cluster, at);
  cluster.trust(node, at, party);
  cluster.passUntil('it votes', () => voters(cluster, cluster.primary) > before);
  return node;
}

function recover(market: Consortium, from: Machine): Machine {
  const { cluster } = market;
  const lost = cluster.servicePem;
  const recovered = loseAll(cluster, from);
  const args = { next_service_identity: cluster.servicePem, previous_service_identity: lost };
  cluster.propose(recovered, { name: 'transition_service_to_open', args });
  submitShare(cluster, recovered);
  cluster.passUntil('it takes part', () => cluster.state(recovered).state === 'PartOfNetwork');
  return recovered;
}

/** Says of each message what it is; `seen` may stop who sends or receives it, or keep it from arriving. */
function watch({ cluster }: Consortium, seen: (kind: string) => 'lost' | undefined): void {
  cluster.tamper = (message) =>
    seen(decodeWire(message).kind) === 'lost' ? new Uint8Array([0xff]) : message;
}

const audienceOf = (market: Consortium, at: Machine): string => {
  const { value } = market.ask('mill', at, 'GET', '/app/transactions').json as {
    value: { audiences: { id: string }[] }[];
  };
  return value[0]?.audiences[0]?.id ?? '';
};

describe('what only the parties keep', () => {
  test('is fetched by a new node of a party, all there ever was, and read under any primary', () => {
    const market = new Consortium({ snapshotEvery: 20 });
    const { cluster } = market;
    const { bank, mill, baker } = market.nodes;
    for (const text of ['one', 'one anew']) market.place('mill', bank, '1', both, text);
    assert.equal(mill.parcels.size, 5, 'two rows, their claims, and one key');
    baker.isUp = false;
    const second = admit(market, 'baker');
    cluster.propose(cluster.primary, { name: 'remove_node', args: { node_id: baker.id } });
    cluster.passUntil('it has all', () => second.parcels.size === 5);
    assert.deepEqual(pathsOf(second), pathsOf(mill));

    bank.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    market.place('baker', second, '2', both, 'two');
    for (const node of [mill, second]) assert.equal(market.read('mill', node, '2'), 'two');
    assert.deepEqual(pathsOf(second), pathsOf(mill));
    const other = admit(market, 'bank');
    cluster.pass(3_000);
    assert.equal(other.parcels.size, 0);
    assert.equal(market.read('baker', other, '1'), 'one anew', 'the primary answers for it');
  });

  test('comes back with the files of a party, and not with others until a party brings it', () => {
    for (const from of ['mill', 'bank'] as const) {
      const market = new Consortium();
      const { mill } = market.nodes;
      market.place('mill', mill, '1', both, 'one');
      const recovered = recover(market, market.nodes[from]);
      const read = () => market.ask('mill', recovered, 'GET', '/app/deals/1');
      if (from === 'mill') {
        assert.equal(read().text, 'one');
        continue;
      }
      const refused = read();
      assert.equal(refused.status, 503);
      assert.match(refused.text, /PartiesAway/);
      admit(market, 'mill', new Map(mill.parcels));
      assert.equal(read().text, 'one');
      assert.equal(recovered.parcels.size, 0);
    }
  });

  test('is given up again when the primary stops before it is written', () => {
    const market = new Consortium();
    const { cluster } = market;
    const { bank, mill, baker } = market.nodes;
    market.place('mill', bank, '1', both, 'one');
    const before = pathsOf(mill);
    watch(market, (kind) => {
      if (kind === 'deposited') bank.isUp = false;
      return undefined;
    });
    market.begin('mill', bank, 'PUT', '/app/deals/2', { body: { parties: both, text: 'two' } });
    cluster.settle();
    assert.ok(mill.parcels.size > before.length, 'it is stored, and nobody knows');
    watch(market, () => undefined);
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    cluster.passUntil('it is given up', () => mill.parcels.size + baker.parcels.size === 2 * before.length);
    for (const node of [mill, baker]) {
      assert.deepEqual(pathsOf(node), before);
      assert.equal(market.read('baker', node, '1'), 'one');
    }
    market.place('mill', mill, '2', both, 'two anew');
    for (const node of [mill, baker]) assert.equal(market.read('baker', node, '2'), 'two anew');
    cluster.pass(2_000);
    assert.deepEqual(pathsOf(mill), pathsOf(baker));
    assert.equal(mill.parcels.size, before.length + 2);
  });

  test('is given up by who did not hear that a call conflicted and was run again', () => {
    const market = new Consortium();
    const { cluster } = market;
    const { bank, mill } = market.nodes;
    let conflicts = 0;
    watch(market, (kind) => {
      if (kind !== 'withdrawn') return undefined;
      conflicts += 1;
      return 'lost';
    });
    const placed = ['1', '2', '3'].map((id) =>
      market.begin('mill', bank, 'PUT', `/app/deals/${id}`, { body: { parties: both, text: id } }),
    );
    cluster.passUntil('all are placed', () => placed.every((reply) => reply()?.status === 200));
    assert.ok(conflicts > 0, 'they found one audience');
    // The next deposit tells that those before it are decided.
    market.place('mill', bank, '4', both, 'four');
    cluster.pass(500);
    assert.equal(mill.parcels.size, 1 + 4 + 4, 'one key, the rows and their claims');
    for (const id of ['1', '2', '3']) assert.equal(market.read('baker', mill, id), id);
  });

  test('goes from every disk when it is shredded, and from a node that is taken from its party', () => {
    const market = new Consortium();
    const { cluster } = market;
    const { bank, mill, baker } = market.nodes;
    market.place('mill', bank, '1', both, 'one');
    const audience = audienceOf(market, bank);
    cluster.propose(bank, { name: 'shred_audience', args: { audience } });
    cluster.passUntil('it is gone', () => mill.parcels.size + baker.parcels.size === 0);
    for (const node of [bank, mill])
      assert.equal(market.ask('mill', node, 'GET', '/app/deals/1').status, 404);
    assert.match(market.ask('mill', bank, 'GET', '/app/transactions').text, /"shredded":true/);

    market.place('mill', bank, '2', both, 'two');
    const change = { audience, add: ['party:bank'], with_past: true };
    cluster.propose(bank, { name: 'change_audience', args: change });
    cluster.passUntil('the bank has what was', () => bank.parcels.size === 3);
    assert.deepEqual(pathsOf(bank), pathsOf(mill));
    assert.equal(market.read('bank', bank, '2'), 'two');
    market.ask('baker', bank, 'POST', '/app/deals/2', { body: ' and a half' });
    cluster.pass(500);
    assert.equal(market.read('bank', mill, '2'), 'two and a half', 'it is of the new epoch now');
    assert.equal(bank.parcels.size, 5, 'with a key of its own');

    cluster.propose(bank, { name: 'set_node_party', args: { node_id: baker.id } });
    cluster.passUntil('the baker gives it up', () => baker.parcels.size === 0);
    assert.equal(market.read('baker', baker, '2'), 'two and a half');
    assert.equal(mill.parcels.size, 5);
  });
});
