import { SourceMap, type SourceMapPayload } from 'node:module';
import type { ReadSourceMap } from '../javascript/trace.ts';

/** Reads source maps with what the runtime has for it. */
export const readSourceMap: ReadSourceMap = (json) => {
  const map = new SourceMap(JSON.parse(json) as SourceMapPayload);
  return (line, column) => {
    const origin = map.findOrigin(line, column);
    if (!('fileName' in origin)) return undefined;
    return { file: origin.fileName, line: origin.lineNumber, column: origin.columnNumber };
  };
};
