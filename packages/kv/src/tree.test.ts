import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Cursor, sameRows } from './cursor.ts';
import { type Node, nodeKeysMax, nodeKeysMin, Tree } from './tree.ts';

type Truth = Map<string, number>;

/** Throws unless the nodes form a B+tree: sorted, filled, of one depth, bounded, and counted. */
function assertSound(tree: Tree<number>): void {
  let leafDepth = -1;
  const visit = (node: Node<number>, depth: number, from: string, to: string | undefined): number => {
    assert.ok(node.keys.length <= nodeKeysMax, 'no node is overfull');
    if (depth > 0) assert.ok(node.keys.length >= nodeKeysMin, 'no node but the root is short');
    let below = from;
    for (const [i, key] of node.keys.entries()) {
      assert.ok(i === 0 ? key >= below : key > below, 'keys ascend and keep to their parent');
      below = key;
    }
    assert.ok(to === undefined || below < to || node.keys.length === 0, 'keys stay below the next separator');
    if (node.children === null) {
      if (leafDepth < 0) leafDepth = depth;
      assert.equal(depth, leafDepth, 'all leaves are equally deep');
      assert.equal(node.values.length, node.keys.length);
      assert.equal(node.versions.length, node.keys.length);
      return node.keys.length;
    }
    assert.ok(node.keys.length > 0, 'a branch has two children or more');
    assert.equal(node.children.length, node.keys.length + 1);
    const bounds = [from, ...node.keys];
    return node.children
      .map((child, i) => visit(child, depth + 1, bounds[i]!, node.keys[i] ?? to))
      .reduce((sum, rows) => sum + rows, 0);
  };
  assert.equal(visit(tree.root, 0, '', undefined), tree.size);
}

function rows(tree: Tree<number>, reverse = false): [string, number][] {
  const out: [string, number][] = [];
  const cursor = new Cursor(tree, { from: '', to: undefined }, reverse);
  for (; cursor.leaf !== undefined; cursor.advance())
    out.push([cursor.key, cursor.leaf.values[cursor.index]!]);
  return out;
}

function sorted(truth: Truth): [string, number][] {
  return [...truth].sort(([left], [right]) => (left < right ? -1 : 1));
}

function numbered(i: number): string {
  return String.fromCharCode(i >>> 8, i & 255);
}

/** Applies one step to tree and truth: sets the key, or removes it when `value` is negative. */
function step(tree: Tree<number>, truth: Truth, key: string, value: number): void {
  if (value < 0) assert.equal(tree.delete(key), truth.delete(key));
  else {
    tree.set(key, value, value + 1);
    truth.set(key, value);
  }
}

const edits = fc.array(fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: -40, max: 60 })), {
  minLength: 200,
  maxLength: 600,
  size: 'max',
});

describe('a tree', () => {
  test('keeps its shape and its rows under any edits', () => {
    fc.assert(
      fc.property(edits, (steps) => {
        const tree = new Tree<number>(1);
        const truth: Truth = new Map();
        for (const [i, value] of steps) {
          step(tree, truth, numbered(i), value);
          assertSound(tree);
        }
        assert.deepEqual(rows(tree), sorted(truth));
        assert.deepEqual(rows(tree, true), sorted(truth).reverse());
      }),
      { numRuns: 20 },
    );
  });

  for (const [order, at] of [
    ['ascending', (i: number) => i],
    ['descending', (i: number) => 2999 - i],
    ['scattered', (i: number) => (i * 1237) % 3000],
  ] as const) {
    test(`grows to several levels and shrinks to nothing, ${order}`, () => {
      const tree = new Tree<number>(1);
      const truth: Truth = new Map();
      for (let i = 0; i < 3000; i++) {
        step(tree, truth, numbered(at(i)), i);
        if (i % 37 === 0) assertSound(tree);
      }
      assert.deepEqual(rows(tree), sorted(truth));
      for (let i = 0; i < 3000; i++) {
        step(tree, truth, numbered(at((i * 7) % 3000)), -1);
        if (i % 37 === 0) assertSound(tree);
      }
      assert.deepEqual([rows(tree), tree.size, tree.root.children], [[], 0, null]);
    });
  }

  test('filled in order wastes little: its leaves are nearly full', () => {
    const tree = new Tree<number>(1);
    for (let i = 0; i < 10_000; i++) tree.set(numbered(i), i, 1);
    let leaves = 0;
    const count = (node: Node<number>): void => {
      if (node.children === null) leaves++;
      else for (const child of node.children) count(child);
    };
    count(tree.root);
    assert.ok(10_000 / leaves > nodeKeysMax * 0.85, `${10_000 / leaves} rows a leaf`);
  });

  test('of an earlier generation never changes, whatever later ones do', () => {
    fc.assert(
      fc.property(edits, fc.integer({ min: 1, max: 50 }), (steps, stepsPerGeneration) => {
        let tree = new Tree<number>(1);
        const truth: Truth = new Map();
        const kept: { tree: Tree<number>; rows: [string, number][] }[] = [];
        for (const [n, [i, value]] of steps.entries()) {
          step(tree, truth, numbered(i), value);
          if (n % stepsPerGeneration > 0) continue;
          kept.push({ tree, rows: sorted(truth) });
          tree = tree.editable(tree.owner + 1);
        }
        for (const old of kept) {
          assertSound(old.tree);
          assert.deepEqual(rows(old.tree), old.rows);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('finds exactly the keys it holds, with their versions', () => {
    const tree = new Tree<number>(1);
    for (let i = 0; i < 2000; i += 2) tree.set(numbered(i), i, i + 1);
    for (let i = 0; i < 2000; i++) {
      assert.equal(tree.get(numbered(i)), i % 2 === 0 ? i : undefined);
      assert.equal(tree.versionOf(numbered(i)), i % 2 === 0 ? i + 1 : undefined);
    }
  });
});

describe('a cursor', () => {
  const bound = fc.option(fc.integer({ min: 0, max: 400 }).map(numbered), { nil: undefined });

  test('visits exactly the interval, in either direction', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 300, size: 'max' }),
        bound,
        bound,
        fc.boolean(),
        (keys, from = '', to, reverse) => {
          const tree = new Tree<number>(1);
          for (const i of keys) tree.set(numbered(i), i, 1);
          const expected = keys.map(numbered).filter((key) => key >= from && (to === undefined || key < to));
          expected.sort();
          if (reverse) expected.reverse();
          const seen: string[] = [];
          const cursor = new Cursor(tree, { from, to }, reverse);
          for (; cursor.leaf !== undefined; cursor.advance()) seen.push(cursor.key);
          assert.deepEqual(seen, expected);
        },
      ),
    );
  });

  test('tells whether two trees hold the same rows of an interval', () => {
    fc.assert(
      fc.property(edits, edits, bound, bound, (before, between, from = '', to) => {
        const left = new Tree<number>(1);
        const truth: Truth = new Map();
        for (const [i, value] of before) step(left, truth, numbered(i), value);
        const right = left.editable(2);
        for (const [i, value] of between.slice(0, 5)) step(right, truth, numbered(i), value);
        const inside = (tree: Tree<number>): string[] =>
          rows(tree)
            .filter(([key]) => key >= from && (to === undefined || key < to))
            .map(([key]) => `${key} ${tree.versionOf(key)}`);
        const same = inside(left).join() === inside(right).join();
        assert.equal(sameRows(left, right, { from, to }), same);
      }),
      { numRuns: 50 },
    );
  });
});
