import { genesis as firstOrigin } from '@coco/consensus';
import { type FirstNode, type GenesisMember, genesis, type NodeInfo } from '@coco/governance';
import { LedgerSecrets } from '@coco/ledger';
import { type NodeEvidence, ownClaims } from '../attester.ts';
import type { NodeConfig, NodeFiles, StartCommand } from '../config.ts';
import { Core, type CoreListener } from '../core.ts';
import { createServiceIdentity, endorseNode, type ServiceIdentity, validity } from '../identity.ts';
import type { Beginning, NodeParts } from '../parts.ts';
import { PreviousServices } from '../previous-services.ts';
import { emptyState } from './beginning.ts';

/** Issuer and subject of COSE signatures when the configuration names none. */
export const defaultCoseSubject = { issuer: 'service.example.com', subject: 'ledger.signature' } as const;

/** The service's endorsement of the node that begins an epoch. */
export function endorseFirstNode(service: ServiceIdentity, parts: NodeParts): string {
  const period = validity(parts.clock.now, parts.config.node_certificate.initial_validity_days);
  return endorseNode(service, parts.identity.csr, period, parts.random).pem;
}

/** The record of this node as governance keeps it. */
export function describeNode(
  { config, identity }: Pick<NodeParts, 'config' | 'identity'>,
  facts: { readonly nodeData: unknown; readonly evidence: NodeEvidence },
): NodeInfo {
  return {
    node_to_node_interface: config.network.node_to_node_interface,
    rpc_interfaces: publishedInterfaces(config),
    quote_info: facts.evidence.quote,
    encryption_pub_key: identity.encryptionKey.publicKey.pem,
    status: 'Trusted',
    certificate_signing_request: identity.csr.pem,
    public_key: identity.key.publicKey.pem,
    node_data: facts.nodeData,
    retired_committed: false,
  };
}

/**
 * The node that begins a service or an epoch of it: its platform is the first that is trusted. Throws
 * `AttestationError` when its own evidence is not even authentic.
 */
export function firstNode(
  parts: Pick<NodeParts, 'config' | 'identity' | 'clock'>,
  facts: { readonly nodeData: unknown; readonly evidence: NodeEvidence },
): FirstNode {
  const { identity, clock } = parts;
  const { securityPolicy } = facts.evidence;
  return {
    id: identity.id,
    info: describeNode(parts, facts),
    platform: ownClaims(facts.evidence, identity, clock.now),
    verified: clock.now,
    ...(securityPolicy === undefined ? {} : { securityPolicy }),
  };
}

/** Its doors for clients, as their records show them. */
export function publishedInterfaces(config: NodeConfig): NodeInfo['rpc_interfaces'] {
  return Object.fromEntries(
    Object.entries(config.network.rpc_interfaces).map(([name, rpc]) => [
      name,
      { ...rpc.declared, bind_address: rpc.bind_address, published_address: rpc.published_address },
    ]),
  );
}

function genesisMember(member: NodeFiles['members'][number]): GenesisMember {
  return {
    certificate: member.certificatePem,
    ...(member.encryptionPublicKeyPem === null ? {} : { encryptionPublicKey: member.encryptionPublicKeyPem }),
    data: member.data,
    ...(member.recoveryRole === null ? {} : { recoveryRole: member.recoveryRole }),
  };
}

/** Begins a new service: its identity, its first secret, its first entry. */
export function createService(
  parts: NodeParts,
  command: StartCommand,
  given: { readonly files: NodeFiles; readonly evidence: NodeEvidence },
  listener: CoreListener,
): Core {
  const { start } = command;
  const { config, random, clock } = parts;
  const service = createServiceIdentity(
    {
      subject: start.service_subject_name,
      days: start.initial_service_certificate_validity_days,
      curve: config.node_certificate.curve_id,
    },
    clock.now,
    random,
  );
  const secrets = new LedgerSecrets();
  secrets.add(1, random(32));
  const beginning: Beginning = {
    state: emptyState(secrets),
    origin: firstOrigin,
    service,
    endorsedPem: endorseFirstNode(service, parts),
    previousServices: new PreviousServices([], random),
    cose: start.cose_signatures ?? defaultCoseSubject,
    reopening: { publicOnly: false, secretLinks: new Map() },
  };
  const core = new Core(parts, beginning, listener);
  const node = firstNode(parts, { nodeData: given.files.nodeData, evidence: given.evidence });
  const tx = core.replica.store.begin();
  const settings = start.service_configuration;
  genesis(tx, {
    constitution: given.files.constitution,
    members: given.files.members.map(genesisMember),
    configuration: {
      recoveryThreshold: settings.recovery_threshold,
      maximumNodeCertificateValidityDays: settings.maximum_node_certificate_validity_days,
      maximumServiceCertificateValidityDays: settings.maximum_service_certificate_validity_days,
      recentCoseProposalsWindowSize: settings.recent_cose_proposals_window_size,
    },
    node: { ...node, endorsedCertificate: beginning.endorsedPem },
    serviceCertificate: service.certificate.pem,
    serviceData: given.files.serviceData,
    createTxId: `${firstOrigin.view}.1`,
  });
  core.replica.commit(tx);
  core.present();
  return core;
}
