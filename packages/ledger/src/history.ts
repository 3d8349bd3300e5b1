import { sha256ByteString } from '@coco/crypto';
import type { ByteString } from '@coco/kv';
import { LedgerError } from './errors.ts';
import { readLatin1, writeLatin1 } from './latin1.ts';

/** One step from a leaf towards the root: the neighbour's hash and the side it stands on. */
export interface ProofStep {
  readonly side: 'left' | 'right';
  readonly hash: ByteString;
}

const hashBytes = 32;
const zeroLeaf: ByteString = '\0'.repeat(hashBytes);

const pair = new Uint8Array(2 * hashBytes);

function hashPair(left: ByteString, right: ByteString): ByteString {
  writeLatin1(pair, 0, left);
  writeLatin1(pair, hashBytes, right);
  return sha256ByteString(pair);
}

/** The complete nodes of one level that are still kept: `nodes[i]` is node `from + i`. */
interface Level {
  from: number;
  nodes: ByteString[];
}

/** 2^level: shifts would overflow at 32 bits. */
const widthOf = (level: number): number => 2 ** level;
const isOdd = (index: number): boolean => index % 2 === 1;

/**
 * The Merkle tree over all entries: leaf 0 is 32 zero bytes, leaf n that of the entry at seqno n. A parent is
 * SHA-256(left || right), and a node without a right neighbour rises unchanged. Complete nodes are hashed
 * once, when they fill, so an append costs one hash on average; incomplete ones are put together when a root
 * or proof is asked.
 */
export class History {
  readonly #levels: Level[] = [{ from: 0, nodes: [zeroLeaf] }];
  #size = 1;
  #flushed = 0;

  /** Number of leaves, which is the seqno of the next one. */
  get size(): number {
    return this.#size;
  }

  /** First leaf of which the proof is still known. */
  get flushed(): number {
    return this.#flushed;
  }

  append(leaf: ByteString): void {
    if (leaf.length !== hashBytes) {
      throw new LedgerError('InvalidArgument', `leaf of ${leaf.length} bytes: expected ${hashBytes}`);
    }
    let hash = leaf;
    let index = this.#size++;
    for (let level = 0; ; level++, index = (index - 1) / 2) {
      const { from, nodes } = this.#level(level, index);
      nodes.push(hash);
      if (!isOdd(index)) return;
      hash = hashPair(nodes[index - 1 - from]!, hash);
    }
  }

  /** The leaf of a retained seqno. Throws `NotRetained`. */
  leaf(index: number): ByteString {
    this.#check(index, this.#size);
    return this.#node(0, index);
  }

  /** The root over all leaves, or over the first `size` of them. */
  root(size: number = this.#size): ByteString {
    this.#checkSize(size);
    let root: ByteString | undefined;
    for (const { hash } of this.#peaks(size)) root = root === undefined ? hash : hashPair(hash, root);
    return root!;
  }

  /**
   * The 64 bytes whose SHA-256 is the root, so that signing them with the algorithm's own SHA-256 signs the
   * root as a digest. Throws `NotRetained` for a tree of leaf 0 alone, whose root is no hash.
   */
  rootPreimage(): ByteString {
    const peaks = [...this.#peaks(this.#size)];
    const highest = peaks.pop()!;
    let right: ByteString | undefined;
    for (const { hash } of peaks) right = right === undefined ? hash : hashPair(hash, right);
    if (right !== undefined) return highest.hash + right;
    if (highest.level === 0)
      throw new LedgerError('NotRetained', 'the root of a single leaf has no preimage');
    // A full tree: its root's children are the two nodes of the level below.
    return this.#node(highest.level - 1, 0) + this.#node(highest.level - 1, 1);
  }

  /**
   * The steps from leaf `index` to the root over the first `size` leaves (all, unless told). Throws
   * `NotRetained` for a leaf that was flushed or is not there.
   */
  proof(index: number, size: number = this.#size): ProofStep[] {
    this.#checkSize(size);
    this.#check(index, size);
    const steps: ProofStep[] = [];
    let at = index;
    for (let level = 0; widthOf(level) < size; level++) {
      if (isOdd(at)) {
        steps.push({ side: 'left', hash: this.#node(level, at - 1) });
      } else if ((at + 1) * widthOf(level) < size) {
        steps.push({ side: 'right', hash: this.#nodeOrPart(level, at + 1, size) });
      }
      at = Math.floor(at / 2);
    }
    return steps;
  }

  /** The tree over the first `size` leaves, to be carried on by itself; the last of them is retained. */
  branch(size: number): History {
    this.#checkSize(size);
    const branch = new History();
    branch.#levels.length = 0;
    branch.#size = size;
    branch.#flushed = size - 1;
    for (let level = 0; widthOf(level) <= size; level++) {
      const kept = this.#levels[level]!;
      // As `flush` leaves it: the last leaf's ancestor, or the left neighbour that its proof names.
      const ancestor = Math.floor((size - 1) / widthOf(level));
      const from = ancestor - (ancestor % 2);
      const end = Math.floor(size / widthOf(level));
      branch.#levels.push({ from, nodes: kept.nodes.slice(from - kept.from, end - kept.from) });
    }
    return branch;
  }

  /** Forgets leaves `size` and later: a rollback. Throws `NotRetained` below what was flushed. */
  truncate(size: number): void {
    if (size > this.#size || size <= this.#flushed) {
      throw new LedgerError(
        'NotRetained',
        `cannot truncate to ${size} leaves: ${this.#flushed} to ${this.#size} are kept`,
      );
    }
    this.#size = size;
    for (const [level, { from, nodes }] of this.#levels.entries()) {
      nodes.length = Math.max(0, Math.floor(size / widthOf(level)) - from);
    }
  }

  /**
   * Forgets leaves before `upTo`, keeping what roots and later leaves' proofs need. The last leaf always
   * stays.
   */
  flush(upTo: number): void {
    const first = Math.min(upTo, this.#size - 1);
    if (first <= this.#flushed) return;
    this.#flushed = first;
    for (const [level, kept] of this.#levels.entries()) {
      // The first leaf's ancestor, or the left neighbour that its proof names.
      const ancestor = Math.floor(first / widthOf(level));
      const from = ancestor - (ancestor % 2);
      if (from <= kept.from) continue;
      kept.nodes = kept.nodes.slice(from - kept.from);
      kept.from = from;
    }
  }

  /**
   * The retained leaves from `from` on (all, unless told) and the complete subtrees left of them: counts as
   * u64 big-endian of leaves kept and of leaves before, leaf hashes, then subtree roots from the smallest.
   * CCF's form.
   */
  serialize(from: number = this.#flushed): Uint8Array {
    this.#check(from, this.#size);
    const before: ByteString[] = [];
    for (const { hash } of this.#peaks(from)) before.push(hash);
    const count = this.#size - from;
    const bytes = new Uint8Array(16 + hashBytes * (count + before.length));
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(count));
    view.setBigUint64(8, BigInt(from));
    let at = 16;
    const write = (hash: ByteString) => {
      writeLatin1(bytes, at, hash);
      at += hashBytes;
    };
    for (let index = from; index < this.#size; index++) write(this.#node(0, index));
    for (const hash of before) write(hash);
    return bytes;
  }

  /** Reads what `serialize` wrote. Throws `MalformedTree`. */
  static deserialize(bytes: Uint8Array): History {
    if (bytes.length < 16) throw malformedTree(`${bytes.length} bytes are too few`, 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = Number(view.getBigUint64(0));
    const before = Number(view.getBigUint64(8));
    if (!Number.isSafeInteger(count + before)) throw malformedTree('more leaves than a ledger can have', 0);
    if (count === 0) throw malformedTree('no leaf is kept', 0);
    const subtrees: number[] = [];
    for (let level = 0; widthOf(level) <= before; level++) {
      if (isOdd(Math.floor(before / widthOf(level)))) subtrees.push(level);
    }
    const expected = 16 + hashBytes * (count + subtrees.length);
    if (bytes.length !== expected)
      throw malformedTree(`${bytes.length} bytes where ${expected} were announced`, 0);
    const history = new History();
    history.#restore(
      before,
      subtrees,
      (i) => readLatin1(bytes, 16 + i * hashBytes, 16 + (i + 1) * hashBytes),
      count,
    );
    return history;
  }

  #restore(before: number, subtrees: number[], hashAt: (i: number) => ByteString, count: number): void {
    this.#levels.length = 0;
    this.#size = before;
    this.#flushed = before;
    for (let level = 0; widthOf(level) <= before; level++) {
      const complete = Math.floor(before / widthOf(level));
      const place = subtrees.indexOf(level);
      const nodes = place < 0 ? [] : [hashAt(count + place)];
      this.#levels.push({ from: complete - nodes.length, nodes });
    }
    for (let i = 0; i < count; i++) this.append(hashAt(i));
  }

  /** The level, made if `index` is its first node. */
  #level(level: number, index: number): Level {
    const kept = this.#levels[level];
    if (kept !== undefined) return kept;
    const made = { from: index, nodes: [] };
    this.#levels.push(made);
    return made;
  }

  #node(level: number, index: number): ByteString {
    const { from, nodes } = this.#levels[level]!;
    return nodes[index - from]!;
  }

  /** Complete subtrees that `size` leaves fall into, smallest and rightmost first. */
  *#peaks(size: number): Generator<{ level: number; hash: ByteString }> {
    for (let level = 0; widthOf(level) <= size; level++) {
      const complete = Math.floor(size / widthOf(level));
      if (isOdd(complete)) yield { level, hash: this.#node(level, complete - 1) };
    }
  }

  /** A node of the tree over the first `size` leaves; the last of a level may be incomplete. */
  #nodeOrPart(level: number, index: number, size: number): ByteString {
    if ((index + 1) * widthOf(level) <= size) return this.#node(level, index);
    let part: ByteString | undefined;
    for (const peak of this.#peaks(size)) {
      if (peak.level >= level) break;
      part = part === undefined ? peak.hash : hashPair(peak.hash, part);
    }
    return part!;
  }

  #check(index: number, size: number): void {
    if (Number.isInteger(index) && index >= this.#flushed && index < size) return;
    throw new LedgerError('NotRetained', `leaf ${index} is not kept: ${this.#flushed} to ${size - 1} are`);
  }

  #checkSize(size: number): void {
    if (Number.isInteger(size) && size > this.#flushed && size <= this.#size) return;
    throw new LedgerError(
      'NotRetained',
      `a tree of ${size} leaves is not kept: ${this.#flushed + 1} to ${this.#size} are`,
    );
  }
}

function malformedTree(what: string, offset: number): LedgerError {
  return new LedgerError('MalformedTree', `serialised Merkle tree: ${what}`, { offset });
}

/** The hash at the end of a proof. */
export function rootFromProof(leaf: ByteString, proof: readonly ProofStep[]): ByteString {
  let hash = leaf;
  for (const step of proof)
    hash = step.side === 'left' ? hashPair(step.hash, hash) : hashPair(hash, step.hash);
  return hash;
}

/** The 64 bytes whose SHA-256 is the end of a proof; undefined for an empty one. */
export function rootPreimageFromProof(leaf: ByteString, proof: readonly ProofStep[]): ByteString | undefined {
  const last = proof.at(-1);
  if (last === undefined) return undefined;
  const below = rootFromProof(leaf, proof.slice(0, -1));
  return last.side === 'left' ? last.hash + below : below + last.hash;
}
