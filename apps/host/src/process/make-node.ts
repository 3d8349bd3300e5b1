import { createEngine } from '@coco/contracts';
import { Node } from '@coco/node';
import { codeDigest } from './code-digest.ts';
import type { MakeNode } from './daemon.ts';

/** Makes real nodes of this release. */
export function nodeMaker(version: string): MakeNode {
  return (inputs) => {
    const node = new Node({
      ...inputs,
      engine: createEngine(),
      executableDigest: codeDigest(),
      versions: { product: `coco-${version}`, engine: `V8 ${process.versions.v8}` },
    });
    return { effects: node.start(), step: (events) => node.step(events) };
  };
}
