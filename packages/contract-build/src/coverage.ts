import { type Segment, type SourceMap, segmentsOf, sourceMapIn } from './source-map.ts';

/** What V8 counted in one script. */
export interface CountedScript {
  /** The text that ran, with its source map in it. */
  readonly text: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly {
      readonly startOffset: number;
      readonly endOffset: number;
      readonly count: number;
    }[];
  }[];
}

/** How much of a source file ran. Lines are those that became code, from 1. */
export interface FileCoverage {
  readonly file: string;
  readonly lines: number;
  /** Lines of which nothing ran. */
  readonly missed: readonly number[];
  /** Lines of which a part did not run. */
  readonly partly: readonly number[];
}

/** Tells by the lines of the sources what ran: a line ran when it did in any of the scripts. */
export function coverageOf(scripts: readonly CountedScript[]): readonly FileCoverage[] {
  const texts = new Map<string, Uint8Array>();
  for (const { text, functions } of scripts) {
    const ran = texts.get(text) ?? new Uint8Array(text.length);
    texts.set(text, ran);
    const own = ranIn(text.length, functions);
    for (let at = 0; at < ran.length; at++) ran[at] = (ran[at] as number) | (own[at] as number);
  }
  const files = new Map<string, Map<number, Set<boolean>>>();
  for (const [text, ran] of texts) {
    const map = sourceMapIn(text);
    if (map !== undefined) noteLines(files, text, map, ran);
  }
  return [...files].map(([file, lines]) => coverageOfFile(file, lines)).sort(byName);
}

/** 1 for each character that ran. Inner ranges come after those around them and overrule them. */
function ranIn(length: number, functions: CountedScript['functions']): Uint8Array {
  const ran = new Uint8Array(length);
  const ranges = functions.flatMap(({ ranges: own }) => own);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return ran;
}

function noteLines(
  files: Map<string, Map<number, Set<boolean>>>,
  text: string,
  map: SourceMap,
  ran: Uint8Array,
): void {
  const starts = lineStarts(text);
  for (const { line, column, source, sourceLine } of segmentsOf(map) as readonly Segment[]) {
    const offset = (starts[line] ?? text.length) + column;
    const file = map.sources[source];
    if (file === undefined || offset >= text.length || /\s/.test(text[offset] as string)) continue;
    const lines = files.get(file) ?? new Map<number, Set<boolean>>();
    files.set(file, lines);
    const seen = lines.get(sourceLine + 1) ?? new Set();
    lines.set(sourceLine + 1, seen.add(ran[offset] === 1));
  }
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function coverageOfFile(file: string, lines: ReadonlyMap<number, ReadonlySet<boolean>>): FileCoverage {
  const numbers = [...lines.keys()].sort((a, b) => a - b);
  const missed = numbers.filter((line) => !lines.get(line)?.has(true));
  const partly = numbers.filter((line) => lines.get(line)?.size === 2);
  return { file, lines: numbers.length, missed, partly };
}

function byName(a: FileCoverage, b: FileCoverage): number {
  return a.file < b.file ? -1 : 1;
}
