import { bytesProgram } from './guest/bytes.ts';
import { globalsProgram } from './guest/globals.ts';
import { guestProgram } from './guest/guest.ts';
import { invokeProgram } from './guest/invoke.ts';
import { kvProgram } from './guest/kv-map.ts';
import { linkerProgram } from './guest/linker.ts';
import { lockdownProgram } from './guest/lockdown.ts';
import { commonHeaders, outcome, read } from './guest/port.ts';
import { promisesProgram } from './guest/promises.ts';
import { realmProgram } from './guest/realm.ts';
import { requestProgram } from './guest/request.ts';
import { responseProgram } from './guest/response.ts';
import { sessionProgram } from './guest/session.ts';
import { textCodecProgram } from './guest/text-codec.ts';
import { valuesProgram } from './guest/values.ts';

/** File name of the sandbox's own code in stack traces. */
export const programName = 'coco:sandbox';

/** Host functions in the order in which the program takes them. */
export const portFunctions = ['next', 'read', 'write', 'scan', 'rows', 'invoke', 'random', 'print'] as const;

const pieces = [
  ...bytesProgram,
  ...valuesProgram,
  ...invokeProgram,
  ...sessionProgram,
  ...kvProgram,
  ...requestProgram,
  ...responseProgram,
  ...linkerProgram,
  ...realmProgram,
  ...textCodecProgram,
  ...promisesProgram,
  ...lockdownProgram,
  ...globalsProgram,
  ...guestProgram,
];

/**
 * The program of a context: the text of the functions and classes in `guest/`, which the host never calls
 * itself. It is one function: given the port's functions and options as JSON, it gives the guest's methods.
 */
export function programText(): string {
  // The global `Promise` will tell when it is looked at; what the program itself does is not to be told.
  const constants = `const Promise = globalThis.Promise, read = ${JSON.stringify(read)}, outcome = ${JSON.stringify(outcome)},
  commonHeaders = ${JSON.stringify(commonHeaders)};`;
  const methods = ['define', 'settleModules', 'run', 'evaluate', 'describe'];
  const bound = methods.map((name) => `${name}: (...args) => guest.${name}(...args)`).join(', ');
  return `(function (${portFunctions.map((name) => `${name}Host`).join(', ')}, options) { "use strict";
${constants}
${pieces.map(String).join('\n')}
const guest = new Guest({ ${portFunctions.map(guarded).join(', ')} }, JSON.parse(options));
return { ${bound} };
})`;
}

/**
 * The host shares the stack, and has no more of it left than the code that calls: where that has recursed
 * deeply the host cannot answer. What it then throws would show its stack; the guest's own exception does not.
 */
function guarded(name: (typeof portFunctions)[number]): string {
  if (name === 'next') return 'next: nextHost';
  const overflow = "throw new RangeError('Maximum call stack size exceeded')";
  return `${name}: (...args) => { try { return ${name}Host(...args); } catch { ${overflow}; } }`;
}
