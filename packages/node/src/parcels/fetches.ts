import type { Parcel, ParcelName } from '@coco/access';
import type { NodeId } from '@coco/governance';
import type { ParcelFile } from '../effect.ts';
import { limits } from '../limits.ts';
import { encodeWire } from '../wire.ts';
import { parcelIn, pathOf } from './files.ts';
import type { ParcelSetting } from './parcel-keeper.ts';

type Found = (found: readonly Parcel[]) => void;

/** A question to another node that was not answered yet. */
interface Question {
  readonly node: NodeId;
  readonly deadline: number;
  readonly answer: (files: readonly ParcelFile[]) => void;
}

/** Looks for parcels: on this node's own disk, then with the other nodes of their parties, one after the other. */
export class Fetches {
  readonly #setting: ParcelSetting;
  readonly #questions = new Map<number, Question>();
  #lastId = 0;

  constructor(setting: ParcelSetting) {
    this.#setting = setting;
  }

  /** Gives on what was found, all or less. */
  fetch(names: readonly ParcelName[], then: Found): void {
    const { own, homes, world } = this.#setting;
    const wanted = new Map(names.map((name) => [pathOf(name), name]));
    const segments = new Set(names.map(({ segment }) => segment));
    const nodes = new Set([...segments].flatMap((segment) => homes.nodesOf(segment)));
    nodes.delete(own);
    const sources: Source[] = [
      (paths, answer) => world.readParcels(paths, answer),
      ...[...nodes].map(
        (node): Source =>
          (paths, answer) =>
            this.#ask(node, paths, answer),
      ),
    ];
    new Search(wanted, sources, (found) => this.#found(found, then)).go();
  }

  /** Another node has answered. */
  given(from: NodeId, id: number, files: readonly ParcelFile[]): void {
    const question = this.#questions.get(id);
    if (question?.node !== from) return;
    this.#questions.delete(id);
    question.answer(files);
  }

  /** The channel to a node is lost. */
  lost(node: NodeId): void {
    this.#giveUp((question) => question.node === node);
  }

  /** Goes on without those who have not answered in time. */
  expire(now: number): void {
    this.#giveUp(({ deadline }) => deadline <= now);
  }

  #ask(node: NodeId, paths: readonly string[], answer: Question['answer']): void {
    const { outbox, isAway, now } = this.#setting;
    if (isAway(node)) {
      answer([]);
      return;
    }
    this.#lastId += 1;
    const id = this.#lastId;
    this.#questions.set(id, { node, deadline: now() + limits.parcelPatienceMs, answer });
    outbox.push({ kind: 'send', to: node, message: encodeWire({ kind: 'parcels-wanted', id, paths }) });
  }

  #giveUp(isOver: (question: Question) => boolean): void {
    for (const [id, question] of this.#questions) {
      if (!isOver(question)) continue;
      this.#questions.delete(id);
      question.answer([]);
    }
  }

  /** What this node is to keep, it keeps; what it borrowed goes to whoever asked, and nowhere else. */
  #found({ found, fromOthers }: Findings, then: Found): void {
    const { own, homes, cache, keep } = this.#setting;
    const ours = (parcel: Parcel) => homes.keeps(own, parcel.segment);
    for (const parcel of found.filter(ours)) cache.add(parcel);
    const lacked = fromOthers.filter(ours);
    if (lacked.length === 0) then(found);
    else keep(lacked, () => then(found));
  }
}

interface Findings {
  readonly found: readonly Parcel[];
  /** Those of them that were not on this node's own disk. */
  readonly fromOthers: readonly Parcel[];
}

type Source = (paths: readonly string[], answer: (files: readonly ParcelFile[]) => void) => void;

/** One search, source after source. Each is asked again as long as it gives something. */
class Search {
  readonly #wanted: Map<string, ParcelName>;
  readonly #sources: Source[];
  readonly #then: (findings: Findings) => void;
  readonly #found: Parcel[] = [];
  #fromDisk = 0;
  #source = 0;
  /** What the present source does not have. */
  #denied = new Set<string>();

  constructor(wanted: Map<string, ParcelName>, sources: Source[], then: (findings: Findings) => void) {
    this.#wanted = wanted;
    this.#sources = sources;
    this.#then = then;
  }

  go(): void {
    const source = this.#sources[this.#source];
    if (!source || this.#wanted.size === 0) {
      this.#then({ found: this.#found, fromOthers: this.#found.slice(this.#fromDisk) });
      return;
    }
    const paths = [...this.#wanted.keys()].filter((path) => !this.#denied.has(path));
    if (paths.length === 0) {
      this.#source += 1;
      this.#denied = new Set();
      this.go();
      return;
    }
    const asked = paths.slice(0, limits.parcelsFetchedAtOnce);
    source(asked, (files) => this.#take(asked, files));
  }

  #take(asked: readonly string[], files: readonly ParcelFile[]): void {
    let taken = 0;
    for (const file of files) {
      const parcel = this.#wanted.has(file.path) ? parcelIn(file) : undefined;
      if (!parcel) continue;
      this.#wanted.delete(file.path);
      this.#found.push(parcel);
      taken += 1;
    }
    if (this.#source === 0) this.#fromDisk += taken;
    if (taken === 0) for (const path of asked) this.#denied.add(path);
    this.go();
  }
}
