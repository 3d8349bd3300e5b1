import { fromBase64 } from '@coco/crypto';
import { byteStringToUtf8, bytesToByteString, type ReadableMapState } from '@coco/kv';
import { type GovResponse, json, refuse } from '../http.ts';
import { recoveryRoleOf } from '../membership.ts';
import { idOf } from '../request.ts';
import {
  type MemberId,
  type MemberInfo,
  memberCerts,
  memberEncryptionKeys,
  memberInfos,
} from '../tables/members.ts';
import {
  type NodeId,
  type NodeInfo,
  nodeEndorsedCertificates,
  nodeInfos,
  type QuoteInfo,
} from '../tables/nodes.ts';
import { type UserId, userCerts, userInfos } from '../tables/users.ts';
import type { GovContext } from '../world.ts';

/** `GET /gov/service/members`. */
export function listMembers({ tx }: GovContext): GovResponse {
  return json({ value: [...memberInfos.entries(tx)].map(([id, info]) => memberOut(tx, id, info)) });
}

/** `GET /gov/service/members/{memberId}`. */
export function getMember(context: GovContext): GovResponse {
  const id = idOf(context, 'memberId');
  if (typeof id !== 'string') return id;
  const info = memberInfos.get(context.tx, id);
  return info === undefined ? unknown('Member', `m[${id}]`) : json(memberOut(context.tx, id, info));
}

function memberOut(state: ReadableMapState, memberId: MemberId, info: MemberInfo): Record<string, unknown> {
  const encryptionKey = memberEncryptionKeys.get(state, memberId);
  return {
    memberId,
    status: info.status,
    memberData: info.member_data ?? null,
    certificate: memberCerts.get(state, memberId),
    ...(encryptionKey === undefined ? {} : { publicEncryptionKey: encryptionKey }),
    recoveryRole: recoveryRoleOf(state, memberId),
  };
}

/** `GET /gov/service/users`. */
export function listUsers({ tx }: GovContext): GovResponse {
  return json({ value: [...userCerts.entries(tx)].map(([id, cert]) => userOut(tx, id, cert)) });
}

/** `GET /gov/service/users/{userId}`. */
export function getUser(context: GovContext): GovResponse {
  const id = idOf(context, 'userId');
  if (typeof id !== 'string') return id;
  const cert = userCerts.get(context.tx, id);
  return cert === undefined ? unknown('User', `u[${id}]`) : json(userOut(context.tx, id, cert));
}

/** CCF shows the whole record as `userData`, and clients read `userData.user_data`. */
function userOut(state: ReadableMapState, userId: UserId, certificate: string): Record<string, unknown> {
  return { userId, certificate, userData: userInfos.get(state, userId) ?? null };
}

/** `GET /gov/service/nodes`. */
export function listNodes({ tx }: GovContext): GovResponse {
  return json({ value: [...nodeInfos.entries(tx)].map(([id, info]) => nodeOut(tx, id, info)) });
}

/** `GET /gov/service/nodes/{nodeId}`. */
export function getNode(context: GovContext): GovResponse {
  const id = idOf(context, 'nodeId');
  if (typeof id !== 'string') return id;
  const info = nodeInfos.get(context.tx, id);
  return info === undefined ? unknown('Node', `n[${id}]`) : json(nodeOut(context.tx, id, info));
}

function nodeOut(state: ReadableMapState, nodeId: NodeId, info: NodeInfo): Record<string, unknown> {
  const certificate = nodeEndorsedCertificates.get(state, nodeId);
  const interfaces = Object.entries(info.rpc_interfaces).map(([name, { published_address, ...rest }]) => [
    name,
    {
      publishedAddress: published_address ?? rest.bind_address,
      ...(rest.app_protocol === undefined ? {} : { protocol: rest.app_protocol }),
    },
  ]);
  return {
    nodeId,
    status: info.status,
    nodeData: info.node_data ?? null,
    ...(certificate === undefined ? {} : { certificate }),
    retiredCommitted: info.retired_committed ?? false,
    quoteInfo: quoteOut(info.quote_info),
    rpcInterfaces: Object.fromEntries(interfaces),
  };
}

function quoteOut(quote: QuoteInfo): Record<string, unknown> {
  const { format } = quote;
  switch (format) {
    case 'Insecure_Virtual':
      return { format, rawQuote: quote.quote, details: virtualDetails(quote.quote) };
    case 'AMD_SEV_SNP_v1':
      return {
        format,
        ...(quote.uvm_endorsements === undefined ? {} : { uvmEndorsements: quote.uvm_endorsements }),
        ...(quote.endorsed_tcb === undefined ? {} : { endorsedTcb: quote.endorsed_tcb }),
      };
    case 'OE_SGX_v1':
    case 'Intel_TDX_v1':
    case 'TPM_2_0_v1':
    case 'Azure_CVM_v1':
    case 'AWS_Nitro_v1':
      return { format, quote: quote.quote, endorsements: quote.endorsements };
  }
}

/** Virtual evidence is JSON that proves nothing; it is shown as what it claims. */
function virtualDetails(quote: string): Record<string, unknown> {
  try {
    const claimed: unknown = JSON.parse(byteStringToUtf8(bytesToByteString(fromBase64(quote))));
    const { measurement, report_data, host_data } = claimed as Record<string, unknown>;
    return { measurement, reportData: report_data, hostData: host_data };
  } catch {
    return {};
  }
}

function unknown(noun: string, id: string): GovResponse {
  return refuse(404, 'ResourceNotFound', `${noun} ${id} does not exist.`);
}
