import { CryptoError, type PublicKey, parseCertificate, parseCsr, verifyCsr } from '@coco/crypto';
import {
  type Admission,
  admitNode,
  goWithoutSecrets,
  mayHoldSecrets,
  type NodeActivation,
  type NodeInfo,
  nodeActivations,
  nodeEndorsedCertificates,
  nodeInfos,
  nodeStandings,
  previousServiceIdentity,
  serviceInfo,
  settleMembership,
  standingOf,
} from '@coco/governance';
import type { ReadableMapState } from '@coco/kv';
import { parseTxId } from '@coco/ledger';
import type { BuiltinContext, NodeView } from '../endpoints/context.ts';
import { type Answer, json, refusal } from '../frontend/answer.ts';
import { addressOfNode, primaryNotFound, redirect } from '../frontend/elsewhere.ts';
import { endorseNode, type Random, type ServiceIdentity, validity } from '../identity.ts';
import { acquaintance, addressOf } from '../peers.ts';
import { ActivationDesk } from './activation.ts';
import { type JoinRequest, parseJoinRequest, verifiedEncryptionKey } from './request.ts';
import { sealSecrets, type Welcome } from './welcome.ts';

/** What the door needs of the node it belongs to. */
export interface JoinDoorParts {
  readonly node: NodeView;
  readonly service: () => ServiceIdentity;
  readonly cose: { readonly issuer: string; readonly subject: string };
  readonly random: Random;
}

/** Who asks, by the key of its TLS client certificate, and what for. */
interface Caller {
  readonly id: string;
  readonly key: PublicKey;
  readonly encryptionKey: PublicKey;
  readonly request: JoinRequest;
}

/** A step of the way in: either the answer that ends it, or what it found. */
type Checked<T> = { readonly refused: Answer } | { readonly ok: T };

const invalid = (message: string): { refused: Answer } => ({
  refused: refusal(400, 'InvalidInput', message),
});

/** `POST /node/join`: the way into the service, from first request to the service's secrets. */
export class JoinDoor {
  readonly #parts: JoinDoorParts;
  readonly #activations: ActivationDesk;

  constructor(parts: JoinDoorParts) {
    this.#parts = parts;
    this.#activations = new ActivationDesk(parts.random);
  }

  answer(context: BuiltinContext): Answer {
    const { node } = this.#parts;
    if (node.status !== 'PartOfNetwork' && node.status !== 'PartOfPublicNetwork') {
      return refusal(
        503,
        'InternalError',
        `This node takes no part in the service at the moment: ${node.status}.`,
      );
    }
    const caller = readCaller(context);
    if ('refused' in caller) return caller.refused;
    const { id, request } = caller.ok;
    if (!node.replica.isPrimary) return this.#sendToPrimary(context);
    const { first } = node.replica;
    if (request.startup_seqno < first - 1) {
      const message = `The joiner would begin after ${request.startup_seqno}, but this node holds nothing before ${first}: give it a newer snapshot.`;
      return refusal(400, 'StartupSeqnoIsOld', message);
    }
    const known = nodeInfos.get(context.tx, id);
    return known ? this.#answerKnown(context, caller.ok, known) : this.#add(context, caller.ok);
  }

  #sendToPrimary({ tx, session, target }: BuiltinContext): Answer {
    const address = addressOfNode(tx, this.#parts.node.replica.primary, session.interface);
    return address === undefined ? primaryNotFound() : redirect(address, target.fullPath, 308);
  }

  #answerKnown(context: BuiltinContext, caller: Caller, info: NodeInfo): Answer {
    const { node } = this.#parts;
    if (info.status === 'Retired') {
      return refusal(400, 'InvalidNodeState', 'This node is retired: start it anew, under a new key.');
    }
    const { tx } = context;
    const standing = { node_status: info.status, node_id: caller.id };
    const isCommitted = (tx.versionOf(nodeInfos.name, caller.id) ?? 0) <= node.replica.raft.commit;
    if (info.status === 'Pending' || !isCommitted) return json(standing);
    // The policy may have changed since the record was written.
    const admission = this.#admit(context, caller);
    if ('refused' in admission) return admission.refused;
    return json({ ...standing, network_info: this.#welcome(context, caller) });
  }

  /** Records a node that was not known: to be voted on, or trusted at once while nobody can vote for the service. */
  #add(context: BuiltinContext, caller: Caller): Answer {
    const { node, service, random } = this.#parts;
    const { tx } = context;
    const { id, key, request } = caller;
    const activation = this.#activation(caller);
    if ('refused' in activation) return activation.refused;
    const admission = this.#admit(context, caller, activation.ok);
    if ('refused' in admission) return admission.refused;
    const csr = checkSigningRequest(request, key);
    if (csr !== undefined) return csr;
    const address = addressOf(request.node_info_network as NodeInfo);
    for (const [other, info] of nodeInfos.entries(tx)) {
      if (info.status === 'Retired' || addressOf(info) !== address) continue;
      const message = `Node ${other} (${info.status}) has the node-to-node address ${address} already.`;
      return refusal(400, 'NodeAlreadyExists', message);
    }
    const isOpening = node.serviceStatus === 'Opening' || node.serviceStatus === 'Recovering';
    const status = isOpening ? 'Trusted' : 'Pending';
    const latest = node.replica.secrets.latest();
    nodeInfos.set(tx, id, {
      ...request.node_info_network,
      quote_info: request.quote_info,
      encryption_pub_key: request.public_encryption_key,
      status,
      certificate_signing_request: request.certificate_signing_request,
      public_key: key.pem,
      node_data: request.node_data ?? null,
      retired_committed: false,
      ...(isOpening && latest ? { ledger_secret_seqno: latest.from } : {}),
    });
    nodeStandings.set(tx, id, standingOf(admission.ok, { now: node.now }));
    if (activation.ok !== undefined) nodeActivations.set(tx, id, activation.ok);
    if (isOpening) {
      const period = validity(node.now, node.config.node_certificate.initial_validity_days);
      const csr = parseCsr(request.certificate_signing_request);
      nodeEndorsedCertificates.set(tx, id, endorseNode(service(), csr, period, random).pem);
      settleMembership(tx, tx.base);
    }
    return json({ node_status: status, node_id: id });
  }

  /** What is known of the joiner's TPM: nothing, when it shows no endorsement key; the answer is the challenge. */
  #activation({ id, request }: Caller): Checked<NodeActivation | undefined> {
    const judged = this.#activations.judge(id, request);
    switch (judged?.kind) {
      case undefined:
        return { ok: undefined };
      case 'activated':
        return { ok: judged.activation };
      case 'challenged':
        return { refused: json({ node_id: id, activation: judged.challenge }) };
      case 'refused':
        return { refused: refusal(401, 'InvalidQuote', `This TPM cannot be challenged: ${judged.message}`) };
    }
  }

  #admit(
    { tx }: BuiltinContext,
    { id, request }: Caller,
    activation?: NodeActivation,
  ): Checked<Extract<Admission, { kind: 'admitted' }>> {
    const candidate = {
      id,
      evidence: request.quote_info,
      ...(activation === undefined ? {} : { activation }),
    };
    const admission = admitNode(tx, candidate, { now: this.#parts.node.now });
    if (admission.kind === 'refused') return { refused: refusal(401, 'InvalidQuote', admission.message) };
    return { ok: admission };
  }

  /** What a trusted node needs; one that may only verify gets no secrets, now or later. */
  #welcome({ tx }: BuiltinContext, { id, encryptionKey }: Caller): Welcome {
    const { node, service, cose, random } = this.#parts;
    const { key, certificate } = service();
    const hasSecrets = mayHoldSecrets(tx, id);
    if (!hasSecrets) goWithoutSecrets(tx, id);
    const { commit } = node.replica.raft;
    const isRecovering = node.status === 'PartOfPublicNetwork';
    const previous = previousServiceIdentity.get(tx);
    // A rekey that is not committed may yet be taken back; it reaches the node with its entry.
    const ledgerSecrets = [...node.replica.secrets.entries()]
      .filter(([from]) => from <= commit + 1)
      .map(([from, raw]) => ({ from, raw }));
    const seal = () => {
      const secrets = { serviceKey: key, ledgerSecrets, lostSecrets: node.replica.secrets.lost };
      return sealSecrets(secrets, { nodeId: id, encryptionKey }, random);
    };
    const nodes = [...nodeInfos.entries(tx)]
      .filter(([other, info]) => other !== id && info.status !== 'Pending' && info.retired_committed !== true)
      .map(([other, info]) => acquaintance(other, info));
    return {
      public_only: isRecovering,
      last_recovered_signed_idx: lastRecovered(tx),
      ledger_begins_after: node.replica.first - 1,
      ...(isRecovering && previous !== undefined ? { previous_service_identity: previous } : {}),
      service_status: node.serviceStatus ?? 'Opening',
      identity: { cert: certificate.pem },
      endorsed_certificate: nodeEndorsedCertificates.require(tx, id),
      cose_signatures_config: cose,
      nodes,
      ...(hasSecrets ? { sealed_secrets: seal() } : {}),
    };
  }
}

function readCaller({ session, request }: BuiltinContext): Checked<Caller> {
  const parsed = parseJoinRequest(request.body);
  if (typeof parsed === 'string') return invalid(`This is no request to join: ${parsed}.`);
  if (session.clientCertificate === null) {
    const message =
      'A node joins with its own certificate as TLS client certificate; this connection has none.';
    return { refused: refusal(401, 'InvalidAuthenticationInfo', message) };
  }
  try {
    const key = parseCertificate(session.clientCertificate).publicKey;
    return { ok: { id: key.id, key, encryptionKey: verifiedEncryptionKey(parsed, key), request: parsed } };
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return invalid(`A key of this request to join is refused: ${error.message}`);
  }
}

function checkSigningRequest(request: JoinRequest, key: PublicKey): Answer | undefined {
  try {
    if (verifyCsr(parseCsr(request.certificate_signing_request)).publicKey.id === key.id) return undefined;
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
  }
  const message = 'The certificate signing request is not for the key of the TLS client certificate.';
  return refusal(400, 'CSRPublicKeyInvalid', message);
}

/** Last seqno of the epoch before this one; 0 when this is the first. */
function lastRecovered(tables: ReadableMapState): number {
  const { recovery_count: count = 0, current_service_create_txid: created } = serviceInfo.require(tables);
  return count > 0 && created !== undefined ? parseTxId(created).seqno - 1 : 0;
}
