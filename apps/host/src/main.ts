import { runProgram } from './process/program.ts';

await runProgram(process.argv.slice(2), async (version) => {
  const { nodeMaker } = await import('./process/make-node.ts');
  return nodeMaker(version);
});
