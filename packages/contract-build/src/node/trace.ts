import { SourceMap, type SourceMapPayload } from 'node:module';

/**
 * Rewrites the places of a stack trace, `/app.js:5532:8`, to those in the author's sources. What no map knows stays
 * as it is.
 */
export function mapTrace(trace: string, maps: ReadonlyMap<string, SourceMapPayload>): string {
  const read = new Map<string, SourceMap>();
  return trace.replace(
    /(?<=[( ])\/([^\s():]+):(\d+):(\d+)/g,
    (place, name: string, line: string, column: string) => {
      const payload = maps.get(name);
      if (payload === undefined) return place;
      const map = read.get(name) ?? new SourceMap(payload);
      read.set(name, map);
      const origin = map.findOrigin(Number(line), Number(column));
      return 'fileName' in origin ? `${origin.fileName}:${origin.lineNumber}:${origin.columnNumber}` : place;
    },
  );
}
