import type { NodeConfig, RpcInterface } from '@coco/node';
import type { Configuration } from '../configuration/configuration.ts';
import { formatAddress, type HostPort, parseAddress } from '../configuration/units.ts';

/** Addresses as the system bound them. */
export interface BoundAddresses {
  readonly nodeToNode: HostPort;
  readonly rpc: ReadonlyMap<string, HostPort>;
}

/** The configuration as the node acts on it: every address is the one that was bound. */
export function boundConfiguration(configuration: Configuration, bound: BoundAddresses): NodeConfig {
  const { node_to_node_interface: nodeToNode, rpc_interfaces } = configuration.network;
  const interfaces = Object.entries(rpc_interfaces).map(([name, rpc]): [string, RpcInterface] => {
    const addresses = bind(rpc, bound.rpc.get(name)!);
    const declared = { ...configuration.declared.network.rpc_interfaces[name], ...addresses };
    return [name, { ...rpc, ...addresses, declared }];
  });
  return {
    ...configuration,
    network: {
      node_to_node_interface: bind(nodeToNode, bound.nodeToNode),
      rpc_interfaces: Object.fromEntries(interfaces),
    },
  };
}

interface Addresses {
  readonly bind_address: string;
  readonly published_address: string;
}

/** A published address without a port, or with port 0, has the port that was bound. */
function bind(given: { published_address: string | null }, bound: HostPort): Addresses {
  const bind_address = formatAddress(bound);
  const published = given.published_address === null ? bound : parseAddress(given.published_address)!;
  const port = published.port === 0 ? bound.port : published.port;
  return { bind_address, published_address: formatAddress({ host: published.host, port }) };
}
