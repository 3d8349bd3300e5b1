export type { TestResponse } from './answer.ts';
export type { Client, RequestOptions } from './client.ts';
export { TestServiceError, type TestServiceErrorCode } from './errors.ts';
export { createTestService } from './node/create.ts';
export type { Person, PersonOptions } from './people.ts';
export type { ShownMaps } from './readable.ts';
export { type Clock, type ServiceOptions, TestService } from './service.ts';
