import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError, messageOf } from '../errors.ts';

/** Where Gramine shows an SGX enclave its quotes. */
export const gramineDirectory = '/dev/attestation';

/**
 * Asks Gramine for a DCAP quote over 64 bytes. The files belong to this process alone: no other can interfere.
 * @throws HostError `Evidence`
 */
export async function gramineQuote(
  reportData: Uint8Array,
  directory: string = gramineDirectory,
): Promise<Uint8Array> {
  try {
    const type = (await readFile(join(directory, 'attestation_type'), 'utf8')).trim();
    if (type !== 'dcap')
      throw new Error(`remote attestation is "${type}": sgx.remote_attestation must be "dcap"`);
    // Opened as it is, neither created nor truncated: it is no real file.
    await writeFile(join(directory, 'user_report_data'), reportData, { flag: 'r+' });
    return new Uint8Array(await readFile(join(directory, 'quote')));
  } catch (error) {
    throw new HostError('Evidence', `${directory}: ${messageOf(error)}`, { cause: error });
  }
}
