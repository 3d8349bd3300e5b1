// The daemon for an author's own machine: a debugger attached to it sees contracts, which have no walls around them here.
import { createHash } from 'node:crypto';
import { openSandbox } from '@coco/contracts/open-sandbox';
import { runProgram } from './process/program.ts';

await runProgram(process.argv.slice(2), async (version) => {
  const { nodeMaker } = await import('./process/make-node.ts');
  return nodeMaker(version, {
    engine: { makeSandbox: (limits) => openSandbox(limits, false) },
    // Nobody who trusts the code of the daemon is to trust this.
    digestOf: (code) => createHash('sha256').update(`debugged ${code}`).digest('hex'),
  });
});
