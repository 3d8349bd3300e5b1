import { setFlagsFromString } from 'node:v8';
import { createEngine, requiredV8Flags } from '@coco/contracts';
import { readSourceMap } from '@coco/contracts/node';
import { Node } from '@coco/node';
import { codeDigest } from './code-digest.ts';
import type { MakeNode } from './daemon.ts';

/** Makes real nodes of this release; `version` is shown by `/node/version`. */
export function nodeMaker(version: string): MakeNode {
  // V8 heeds these as late as here, because the first isolate of contracts is made afterwards.
  for (const flag of requiredV8Flags) setFlagsFromString(flag);
  return (inputs) => {
    const node = new Node({
      ...inputs,
      engine: createEngine({ readSourceMap }),
      executableDigest: codeDigest(),
      versions: { product: `coco-${version}`, engine: `V8 ${process.versions.v8}` },
    });
    return { effects: node.start(), step: (events) => node.step(events) };
  };
}
