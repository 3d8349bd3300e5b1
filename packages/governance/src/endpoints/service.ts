import { fromBase64, importPublicKey, parseCertificate } from '@coco/crypto';
import { formatTxId, LedgerError, parseTxId } from '@coco/ledger';
import { type GovResponse, javascript, json, refuse } from '../http.ts';
import { governanceLimits } from '../limits.ts';
import { type EndpointProperties, endpoints, modules } from '../tables/application.ts';
import { jwtIssuers, jwtSigningKeys } from '../tables/jwt.ts';
import {
  nodeCodeIds,
  snpHostData,
  snpMeasurements,
  snpTcbVersions,
  snpUvmEndorsements,
  virtualHostData,
  virtualMeasurements,
} from '../tables/nodes.ts';
import { constitution, serviceConfiguration, serviceInfo } from '../tables/service.ts';
import { caCertBundles } from '../tables/tls.ts';
import type { GovContext } from '../world.ts';

/** `GET /gov/service/constitution`. */
export function getConstitution({ tx }: GovContext): GovResponse {
  const source = constitution.get(tx);
  return source === undefined
    ? refuse(404, 'ResourceNotFound', 'Constitution not found')
    : javascript(source);
}

/** `GET /gov/service/info`. */
export function getServiceInfo({ tx, world }: GovContext): GovResponse {
  const info = serviceInfo.get(tx);
  if (info === undefined) return refuse(404, 'ResourceNotFound', 'Service info not yet available');
  const config = serviceConfiguration.get(tx);
  const previous = info.previous_service_identity_version;
  return json({
    status: info.status,
    certificate: info.cert,
    recoveryCount: info.recovery_count ?? 0,
    ...(info.current_service_create_txid === undefined
      ? {}
      : { creationTransactionId: info.current_service_create_txid }),
    ...(previous === undefined
      ? {}
      : {
          previousServiceCreationTransactionId: formatTxId({
            view: world.viewOf(previous) ?? 0,
            seqno: previous,
          }),
        }),
    serviceData: info.service_data ?? null,
    ...(config === undefined
      ? {}
      : {
          configuration: {
            recoveryThreshold: config.recovery_threshold,
            maximumNodeCertificateValidityDays:
              config.maximum_node_certificate_validity_days ??
              governanceLimits.nodeCertificateValidityDaysDefault,
            maximumServiceCertificateValidityDays:
              config.maximum_service_certificate_validity_days ??
              governanceLimits.serviceCertificateValidityDaysDefault,
            recentCoseProposalsWindowSize:
              config.recent_cose_proposals_window_size ?? governanceLimits.recentProposalsDefault,
          },
        }),
  });
}

/** `GET /gov/service/javascript-app`. */
export function getApplication({ tx, request }: GovContext): GovResponse {
  const wanted = request.query.get('case');
  if (wanted !== null && wanted !== 'original') {
    const message = "Accepted values for the 'case' query parameter are: original";
    return refuse(400, 'InvalidQueryParameterValue', message);
  }
  const byPath: Record<string, Record<string, unknown>> = {};
  for (const [key, properties] of endpoints.entries(tx)) {
    const space = key.indexOf(' ');
    const [verb, path] = [key.slice(0, space), key.slice(space + 1)];
    byPath[path] ??= {};
    byPath[path][verb] = wanted === 'original' ? properties : operationOut(properties);
  }
  return json({ endpoints: byPath });
}

function operationOut(properties: EndpointProperties): Record<string, unknown> {
  return {
    jsModule: properties.js_module,
    jsFunction: properties.js_function,
    forwardingRequired: properties.forwarding_required,
    redirectionStrategy: properties.redirection_strategy ?? 'to_primary',
    authnPolicies: properties.authn_policies,
    mode: properties.mode,
    openApi: properties.openapi ?? null,
  };
}

/** `GET /gov/service/javascript-modules`. */
export function listModules({ tx }: GovContext): GovResponse {
  return json({ value: [...modules.keys(tx)].map((moduleName) => ({ moduleName })) });
}

/** `GET /gov/service/javascript-modules/{moduleName}`. */
export function getModule({ tx, request }: GovContext): GovResponse {
  const name = percentDecoded(request.params.moduleName ?? '');
  const source = name === undefined ? undefined : modules.get(tx, name);
  if (source !== undefined) return javascript(source);
  const asked = name ?? request.params.moduleName ?? '';
  return refuse(404, 'ResourceNotFound', `Module ${asked} does not exist.`);
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** `GET /gov/service/join-policy`. */
export function getJoinPolicy({ tx }: GovContext): GovResponse {
  return json({
    sgx: { measurements: [...nodeCodeIds.keys(tx)] },
    virtual: {
      measurements: [...virtualMeasurements.keys(tx)],
      hostData: [...virtualHostData.values(tx)],
    },
    snp: {
      measurements: [...snpMeasurements.keys(tx)],
      hostData: Object.fromEntries(snpHostData.entries(tx)),
      uvmEndorsements: Object.fromEntries(snpUvmEndorsements.entries(tx)),
      tcbVersions: Object.fromEntries(snpTcbVersions.entries(tx)),
    },
  });
}

/** `GET /gov/service/jwk`. */
export function getJwk({ tx }: GovContext): GovResponse {
  const issuers: Record<string, unknown> = {};
  for (const [name, issuer] of jwtIssuers.entries(tx)) {
    const bundle = issuer.ca_cert_bundle_name;
    issuers[name] = {
      autoRefresh: issuer.auto_refresh ?? false,
      ...(bundle === undefined || bundle === null ? {} : { caCertBundleName: bundle }),
    };
  }
  const keys: Record<string, unknown> = {};
  for (const [kid, installed] of jwtSigningKeys.entries(tx)) {
    keys[kid] = installed.map(({ public_key, issuer, constraint }) => ({
      publicKey: pemOf(public_key),
      issuer,
      ...(constraint === undefined || constraint === null ? {} : { constraint }),
    }));
  }
  return json({ issuers, keys, caCertBundles: Object.fromEntries(caCertBundles.entries(tx)) });
}

/** PEM of a key of any kind; ledgers of older services hold a certificate in its place. */
function pemOf(base64Der: string): string {
  const der = fromBase64(base64Der);
  try {
    return importPublicKey(der).pem;
  } catch {
    return parseCertificate(der).publicKey.pem;
  }
}

/** `GET /gov/service/transactions/{transactionId}`. */
export function getTransaction({ request, world }: GovContext): GovResponse {
  const asked = request.params.transactionId ?? '';
  try {
    const txId = parseTxId(asked);
    return json({ transactionId: formatTxId(txId), status: world.statusOf(txId) });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const what = `The value '${asked}' passed as parameter 'transactionId'`;
    const message = `${what} could not be converted to a valid Transaction ID.`;
    return refuse(400, 'InvalidQueryParameterValue', message);
  }
}

/** `GET /gov/service/transactions/commit`. */
export function getCommit({ world }: GovContext): GovResponse {
  const txId = world.lastCommitted();
  return json({ transactionId: formatTxId(txId), status: world.statusOf(txId) });
}
