import { setFlagsFromString } from 'node:v8';
import { createEngine, type EngineOptions, requiredV8Flags } from '@coco/contracts';
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
      engine: createEngine(grantedStack(process.execArgv)),
      executableDigest: codeDigest(),
      versions: { product: `coco-${version}`, engine: `V8 ${process.versions.v8}` },
    });
    return { effects: node.start(), step: (events) => node.step(events) };
  };
}

/**
 * The stack this process was started with. It must not be changed later: contracts call back into the main
 * isolate, which would find itself deeper than it was told it could be, and abort.
 */
function grantedStack(runtimeArguments: readonly string[]): EngineOptions {
  const given = runtimeArguments.map((text) => /^--stack[-_]size=(\d+)$/.exec(text)?.[1]).findLast(Boolean);
  return given === undefined ? {} : { stackBytes: Number(given) * 1024 };
}
