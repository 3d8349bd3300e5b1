import { header } from '@coco/api';
import { type NodeInfo, nodeInfos } from '@coco/governance';
import type { ReadableMapState } from '@coco/kv';
import { type Answer, refusal, withHeader } from './answer.ts';

/** Where clients reach a node: on the interface of this name, or on its first. */
export function rpcAddressOf(info: NodeInfo | undefined, name: string | undefined): string | undefined {
  const interfaces = info?.rpc_interfaces ?? {};
  const rpc = (name === undefined ? undefined : interfaces[name]) ?? Object.values(interfaces)[0];
  return rpc && (rpc.published_address ?? rpc.bind_address);
}

/** Where clients reach a node of the tables. */
export function addressOfNode(
  state: ReadableMapState,
  id: string | null,
  name: string | undefined,
): string | undefined {
  return id === null ? undefined : rpcAddressOf(nodeInfos.get(state, id), name);
}

/** Sends the caller to another node; 308 for `/node`, 307 for all else. */
export function redirect(address: string, target: string, status: 307 | 308): Answer {
  const { body, headers, ...rest } = refusal(
    status,
    'NodeCannotHandleRequest',
    `Another node can: https://${address}${target}`,
  );
  return withHeader({ ...rest, headers, body }, header.location, `https://${address}${target}`);
}

/** The answer while no primary is known. */
export function primaryNotFound(): Answer {
  return refusal(503, 'PrimaryNotFound', 'The primary is not known at the moment.');
}
