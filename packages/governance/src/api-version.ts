import { apiVersions } from '@coco/api';
import { type GovResponse, refuse } from './http.ts';
import type { GovRequest } from './world.ts';

/** A version of the interface. */
export type ApiVersion = (typeof apiVersions)[number];

/** The refusal of a request that names no version, or none from `since` on; undefined when it does. */
export function versionRefusal({ query }: GovRequest, since: ApiVersion): GovResponse | undefined {
  const supported = apiVersions.slice(apiVersions.indexOf(since));
  const asked = query.get('api-version');
  const offer = `The supported api-versions are: ${supported.join(', ')}`;
  if (asked === null) {
    const message = `The api-version query parameter (?api-version=) is required for all requests. ${offer}`;
    return refuse(400, 'MissingApiVersionParameter', message);
  }
  if (supported.some((version) => version === asked)) return undefined;
  return refuse(400, 'UnsupportedApiVersionValue', `Unsupported api-version '${asked}'. ${offer}`);
}
