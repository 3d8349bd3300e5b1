import type { ReadableMapState } from '@coco/kv';
import { memberCerts, memberInfos } from '../tables/members.ts';
import { nodeInfos } from '../tables/nodes.ts';
import { userCerts, userInfos } from '../tables/users.ts';
import {
  because,
  type CertificateCaller,
  type ClientCertificate,
  type Credentials,
  type Verdict,
} from './caller.ts';

/** Why a certificate is not valid now, or undefined when it is. `now` in ms; texts are in seconds. */
function outsideValidity(certificate: ClientCertificate, now: number): string | undefined {
  const seconds = Math.floor(now / 1000);
  const from = Math.floor(certificate.notBefore / 1000);
  const to = Math.floor(certificate.notAfter / 1000);
  if (seconds < from) {
    return `Current time ${seconds} is before certificate's Not Before validity period ${from}`;
  }
  if (seconds > to) {
    return `Current time ${seconds} is after certificate's Not After validity period ${to}`;
  }
  return undefined;
}

/** A client certificate, valid now, that governance knows as a user. */
export function userCertificate(
  state: ReadableMapState,
  { certificate }: Credentials,
  now: number,
): Verdict<CertificateCaller> {
  if (certificate === null) return because('No caller user certificate');
  const invalid = outsideValidity(certificate, now);
  if (invalid !== undefined) return because(invalid);
  const { id } = certificate;
  const cert = userCerts.get(state, id);
  if (cert === undefined) return because('Could not find matching user certificate');
  const data = userInfos.get(state, id)?.user_data ?? null;
  return { caller: { policy: 'user_cert', id, data, cert } };
}

/**
 * A client certificate that governance knows as a member, whatever its dates and whether or not the
 * member is active: members often keep keys of a long life offline.
 */
export function memberCertificate(
  state: ReadableMapState,
  { certificate }: Credentials,
): Verdict<CertificateCaller> {
  if (certificate === null) return because('No caller member certificate');
  const { id } = certificate;
  const cert = memberCerts.get(state, id);
  if (cert === undefined) return because('Could not find matching member certificate');
  const data = memberInfos.get(state, id)?.member_data ?? null;
  return { caller: { policy: 'member_cert', id, data, cert } };
}

/** Any client certificate that is valid now. */
export function anyCertificate({ certificate }: Credentials, now: number): Verdict {
  if (certificate === null) return because('No caller certificate');
  const invalid = outsideValidity(certificate, now);
  return invalid === undefined ? { caller: { policy: 'any_cert', cert: certificate.pem } } : because(invalid);
}

/** The certificate of a node of this service, known by its key. */
export function nodeCertificate(state: ReadableMapState, { certificate }: Credentials): Verdict {
  if (certificate === null) return because('No caller node certificate');
  const { id } = certificate.publicKey;
  return nodeInfos.has(state, id)
    ? { caller: { policy: 'node_cert', id } }
    : because('Could not find matching node certificate');
}
