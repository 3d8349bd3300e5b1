import { execFile } from 'node:child_process';
import type { NodeEvidence, QuoteInfo } from '@coco/node';
import { HostError, messageOf } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * Evidence of a platform this daemon has no words for: a program that takes the 64 bytes in hexadecimal as its
 * last argument and prints `{"format", "quote", "endorsements", ...}`, bytes in base64.
 * @throws HostError `Evidence`
 */
export async function programEvidence(
  program: readonly string[],
  reportData: Uint8Array,
): Promise<NodeEvidence> {
  const printed = await printedBy(program, reportData);
  try {
    const quote = JSON.parse(printed) as QuoteInfo;
    if (typeof quote.format !== 'string' || typeof quote.quote !== 'string')
      throw new Error('fields are missing');
    return { quote: { ...quote, endorsements: quote.endorsements ?? '' } };
  } catch (error) {
    const what = `${program[0] ?? ''} printed no evidence`;
    throw new HostError('Evidence', `${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** What a program prints when it is given bytes in hexadecimal as its last argument. @throws HostError `Evidence` */
export async function printedBy([file = '', ...args]: readonly string[], given: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: limits.evidenceMsMax, maxBuffer: limits.evidenceBytesMax };
    execFile(file, [...args, given.toHex()], options, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new HostError('Evidence', `${file}: ${messageOf(error)}`, { cause: error }));
    });
  });
}
