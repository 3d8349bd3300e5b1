/** From a place in generated code to the line it comes from; lines and columns from 0. */
export interface Segment {
  readonly line: number;
  readonly column: number;
  readonly source: number;
  readonly sourceLine: number;
}

/** A source map, version 3, as far as it is used here. */
export interface SourceMap {
  readonly sources: readonly string[];
  readonly mappings: string;
}

const comment = /\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)/;

/** The source map that a module carries in a comment. */
export function sourceMapIn(module: string): SourceMap | undefined {
  const [, base64] = comment.exec(module) ?? [];
  if (base64 === undefined) return undefined;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as SourceMap;
}

/** The segments of a source map that lead to a source, in the order of the generated code. */
export function segmentsOf(map: SourceMap): readonly Segment[] {
  const segments: Segment[] = [];
  let source = 0;
  let sourceLine = 0;
  for (const [line, text] of map.mappings.split(';').entries()) {
    let column = 0;
    for (const each of text.split(',')) {
      const [columns = 0, sources, lines = 0] = numbersIn(each);
      column += columns;
      if (sources === undefined) continue;
      source += sources;
      sourceLine += lines;
      segments.push({ line, column, source, sourceLine });
    }
  }
  return segments;
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 VLQ: five bits a digit, the lowest first, the sign in the lowest of all. */
function numbersIn(text: string): readonly number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of text) {
    const digit = digits.indexOf(character);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >>> 1) : value >>> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}
