import { setFlagsFromString } from 'node:v8';
import { createEngine, requiredV8Flags } from '@coco/contracts';
import { Node } from '@coco/node';
import { codeDigest } from './code-digest.ts';
import type { MakeNode } from './daemon.ts';

/**
 * Stack for contracts, in KiB: twice what they get by default, so that a service may grant them more. It lies on the
 * stack of the main thread, of which the system grants eight MiB.
 */
const stackKiB = 2_048;

/** Makes real nodes of this release; `version` is shown by `/node/version`. */
export function nodeMaker(version: string): MakeNode {
  // V8 reads these when it makes an isolate: the first one of contracts comes later.
  for (const flag of [...requiredV8Flags, `--stack-size=${stackKiB}`]) setFlagsFromString(flag);
  return (inputs) => {
    const node = new Node({
      ...inputs,
      engine: createEngine({ stackBytes: stackKiB * 1024 }),
      executableDigest: codeDigest(),
      versions: { product: `coco-${version}`, engine: `V8 ${process.versions.v8}` },
    });
    return { effects: node.start(), step: (events) => node.step(events) };
  };
}
