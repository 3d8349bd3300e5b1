import { json } from './codec.ts';
import { serviceValue } from './table.ts';

/** The life of a service: `Opening` to `Open`, or `Recovering` by way of shares to `Open`. */
export type ServiceStatus = 'Opening' | 'Open' | 'Recovering' | 'WaitingForRecoveryShares';

/** Value of `service.info`. */
export interface ServiceInfo {
  /** PEM certificate of the service identity. */
  readonly cert: string;
  readonly status: ServiceStatus;
  readonly previous_service_identity_version?: number;
  readonly recovery_count?: number;
  readonly service_data?: unknown;
  /** Transaction id, as text, that created this epoch of the service. */
  readonly current_service_create_txid?: string;
}

/** Value of `service.config`. */
export interface ServiceConfiguration {
  readonly recovery_threshold: number;
  readonly consensus?: string;
  readonly reconfiguration_type?: string;
  readonly maximum_node_certificate_validity_days?: number;
  readonly maximum_service_certificate_validity_days?: number;
  readonly recent_cose_proposals_window_size?: number;
}

/** The service: identity, status, count of recoveries. */
export const serviceInfo = serviceValue('public:ccf.gov.service.info', json<ServiceInfo>());
/** What the consortium configured. */
export const serviceConfiguration = serviceValue(
  'public:ccf.gov.service.config',
  json<ServiceConfiguration>(),
);
/** PEM certificate of the service that was lost, while it is being recovered. */
export const previousServiceIdentity = serviceValue(
  'public:ccf.gov.service.previous_service_identity',
  json<string>(),
);
/** The members' own law: one module text. */
export const constitution = serviceValue('public:ccf.gov.constitution', json<string>());
