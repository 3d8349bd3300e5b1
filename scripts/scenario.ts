import { readFileSync } from 'node:fs';
import { runCcfScenario } from '../tests/scenarios/ccf-language.ts';

let failed = false;
for (const file of process.argv.slice(2)) {
  const { transcript, failure } = runCcfScenario(readFileSync(file, 'utf8'));
  for (const line of transcript) console.log(line);
  if (failure === null) console.log(`ok ${file}`);
  else {
    failed = true;
    console.log(`FAILED ${file}:${failure.line}: ${failure.text}: ${failure.reason}`);
  }
}
process.exitCode = failed ? 1 : 0;
