import { json, text } from './codec.ts';
import { serviceMap } from './table.ts';

/** Hex SHA-256 of the DER of a user's certificate. */
export type UserId = string;

/** Value of `users.info`. */
export interface UserInfo {
  readonly user_data?: unknown;
}

/** PEM certificate by user. */
export const userCerts = serviceMap('public:ccf.gov.users.certs', text);
/** Data by user; absent when none was given. */
export const userInfos = serviceMap('public:ccf.gov.users.info', json<UserInfo>());
