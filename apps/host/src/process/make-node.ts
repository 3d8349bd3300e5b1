import { setFlagsFromString } from 'node:v8';
import { createEngine, type EngineOptions, requiredV8Flags } from '@coco/contracts';
import { readSourceMap } from '@coco/contracts/node';
import { Node } from '@coco/node';
import { codeDigest } from './code-digest.ts';
import type { MakeNode } from './daemon.ts';

/** What a daemon for debugging does otherwise. */
export interface Variant {
  readonly engine: EngineOptions;
  /** The digest it tells, from that of the code. */
  readonly digestOf: (code: string) => string;
}

const ordinary: Variant = { engine: {}, digestOf: (code) => code };

/** Makes real nodes of this release; `version` is shown by `/node/version`. */
export function nodeMaker(version: string, { engine, digestOf }: Variant = ordinary): MakeNode {
  // V8 heeds these as late as here, because the first isolate of contracts is made afterwards.
  for (const flag of requiredV8Flags) setFlagsFromString(flag);
  return (inputs) => {
    const node = new Node({
      ...inputs,
      engine: createEngine({ readSourceMap, ...engine }),
      executableDigest: digestOf(codeDigest()),
      versions: { product: `coco-${version}`, engine: `V8 ${process.versions.v8}` },
    });
    return { effects: node.start(), step: (events) => node.step(events) };
  };
}
