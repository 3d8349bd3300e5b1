import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Store, type Tx } from '@coco/kv';
import { formatTxId, parseTxId } from '@coco/ledger';
import fc from 'fast-check';
import { recordReads, standings } from '../index.ts';
import { Consortium } from '../testing/consortium.ts';
import { testEngine } from '../testing/engine.ts';
import { variant } from '../testing/texts.ts';
import { applyUndo } from './apply.ts';
import { planUndo } from './plan.ts';
import { readUndoRequest } from './request.ts';
import { planningIn } from './setting.ts';

const engine = testEngine();
const map = 'cells';

/** A deterministic transaction: `to` becomes `add` more than what is at `from`, or than the sum of a range. */
interface Program {
  readonly kind: 'put' | 'copy' | 'sum' | 'remove';
  readonly from: string;
  readonly to: string;
  readonly add: number;
}

function run(tx: Tx, { add, from, kind, to }: Program): void {
  const numberAt = (key: string) => Number(tx.get(map, key) ?? 0);
  if (kind === 'put') tx.set(map, to, String(add));
  else if (kind === 'copy') tx.set(map, to, String((numberAt(from) + add) % 997));
  else if (kind === 'remove') tx.delete(map, to);
  else {
    let sum = add;
    for (const { value } of tx.range(map, { from, limit: 2 })) sum += Number(value) + 1;
    tx.set(map, to, String(sum % 997));
  }
}

/** The slow truth: every program there was, and every undo as the list of what it undid. */
class Model {
  readonly #programs = new Map<string, Program>();
  readonly #undos: { readonly id: string; readonly undone: readonly string[] }[] = [];

  ran(id: string, program: Program): void {
    this.#programs.set(id, program);
  }

  undid(id: string, undone: readonly string[]): void {
    this.#undos.push({ id, undone });
  }

  get undone(): Set<string> {
    const gone = new Set<string>();
    for (const { id, undone } of this.#undos.toReversed())
      if (!gone.has(id)) for (const each of undone) gone.add(each);
    return gone;
  }

  get state(): Record<string, string> {
    const store = new Store();
    const gone = this.undone;
    for (const [id, program] of this.#programs) {
      if (gone.has(id)) continue;
      const tx = store.begin();
      run(tx, program);
      tx.commit();
    }
    return cellsOf(store);
  }
}

function cellsOf(store: Store): Record<string, string> {
  return Object.fromEntries([...store.begin().range(map)].map(({ key, value }) => [key, value]));
}

const cell = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const program: fc.Arbitrary<Program> = fc.record({
  kind: fc.constantFrom('put', 'copy', 'sum', 'remove'),
  from: cell,
  to: cell,
  add: fc.nat({ max: 50 }),
});
const wish = fc.record({
  which: fc.nat({ max: 1000 }),
  policy: fc.constantFrom('restore', 'cascade', 'cascade'),
});

describe('histories with undo', () => {
  test('always stand as if what is undone had never run, however undos are undone again', () => {
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: program }, { weight: 2, arbitrary: wish }), {
      minLength: 4,
      maxLength: 24,
    });
    const seen = { applied: 0, refused: 0, redone: 0 };
    fc.assert(
      fc.property(steps, (history) => {
        const service = new Consortium({ engine, constitution: variant(), roles: ['participant'] });
        const model = new Model();
        const ids: string[] = [];
        const idNow = () => formatTxId({ view: 2, seqno: service.store.version });
        history.forEach((step, i) => {
          if ('kind' in step) {
            service.write((tx) => {
              run(tx, step);
              recordReads(tx);
            });
            ids.push(idNow());
            model.ran(idNow(), step);
          } else if (ids.length > 0) {
            const named = ids[step.which % ids.length] as string;
            const undone = tryUndo(service, { transactions: [named], policy: step.policy }, `proposal ${i}`);
            if (undone === undefined) seen.refused++;
            else {
              seen.applied++;
              if (model.undone.has(named)) assert.fail(`${named} was undone twice`);
              ids.push(idNow());
              model.undid(idNow(), undone);
              if (undone.some((id) => parseTxId(id).seqno !== parseTxId(named).seqno)) seen.redone++;
            }
          }
          assert.deepEqual(cellsOf(service.store), model.state);
          assert.deepEqual(undoneIn(service), [...model.undone].sort());
        });
      }),
      { numRuns: 80 },
    );
    // A test in which nothing is ever undone would show nothing.
    assert.ok(seen.applied > 40 && seen.refused > 40 && seen.redone > 10, JSON.stringify(seen));
  });
});

/** Plans and carries out an undo, as a proposal would. Answers what it undid; undefined when it is refused. */
function tryUndo(
  service: Consortium,
  asked: { readonly transactions: readonly string[]; readonly policy: string },
  proposal: string,
): readonly string[] | undefined {
  let undone: readonly string[] | undefined;
  const before = cellsOf(service.store);
  service.write((tx) => {
    const world = planningIn(service.world(tx)) ?? assert.fail();
    const planning = planUndo(tx, world, readUndoRequest(asked));
    if (planning.kind === 'obstructed') assert.fail('nothing is read from files here');
    const { plan } = planning;
    if (plan.digest === undefined) return;
    applyUndo(tx, world, { ...asked, plan: plan.digest }, proposal);
    ({ undone } = plan);
  });
  if (undone === undefined) assert.deepEqual(cellsOf(service.store), before);
  return undone;
}

function undoneIn(service: Consortium): string[] {
  const rows = [...standings.entries(service.store.begin())];
  return rows.flatMap(([id, { standing }]) => (standing === 'undone' ? [id] : [])).sort();
}
