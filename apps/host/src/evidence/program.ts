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
  [file = '', ...args]: readonly string[],
  reportData: Uint8Array,
): Promise<NodeEvidence> {
  const printed = await new Promise<string>((resolve, reject) => {
    const options = { timeout: limits.evidenceMsMax, maxBuffer: limits.evidenceBytesMax };
    execFile(file, [...args, reportData.toHex()], options, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new HostError('Evidence', `${file}: ${messageOf(error)}`, { cause: error }));
    });
  });
  try {
    const quote = JSON.parse(printed) as QuoteInfo;
    if (typeof quote.format !== 'string' || typeof quote.quote !== 'string')
      throw new Error('fields are missing');
    return { quote: { ...quote, endorsements: quote.endorsements ?? '' } };
  } catch (error) {
    throw new HostError('Evidence', `${file} printed no evidence: ${messageOf(error)}`, { cause: error });
  }
}
