/**
 * Records of the metadata log about users: SCRAM credentials, ACLs, delegation tokens and client quotas.
 */
import { bool, bytes, farInt64, float64, int8, int32, int64, list, nullable, string, struct, uuid } from '../types.ts'
import { MINIMUM_METADATA_VERSION as ANY, defineRecord } from './define-record.ts'

export const securityRecords = {
  UserScramCredentialRecord: defineRecord(11, [11], {
    name: string,
    mechanism: int8,
    salt: bytes,
    storedKey: bytes,
    serverKey: bytes,
    iterations: int32,
  }),
  RemoveUserScramCredentialRecord: defineRecord(22, [11], { name: string, mechanism: int8 }),
  AccessControlEntryRecord: defineRecord(18, [ANY], {
    id: uuid,
    resourceType: int8,
    resourceName: string,
    patternType: int8,
    principal: string,
    host: string,
    operation: int8,
    permissionType: int8,
  }),
  RemoveAccessControlEntryRecord: defineRecord(19, [ANY], { id: uuid }),
  DelegationTokenRecord: defineRecord(10, [14], {
    owner: string,
    requester: string,
    renewers: list(string),
    issueTimestamp: int64,
    maxTimestamp: farInt64,
    expirationTimestamp: farInt64,
    tokenId: string,
  }),
  RemoveDelegationTokenRecord: defineRecord(26, [14], { tokenId: string }),
  /** `entityName` null is the default of the type. */
  ClientQuotaRecord: defineRecord(14, [ANY], {
    entity: list(struct({ entityType: string, entityName: nullable(string) })),
    key: string,
    value: float64,
    remove: bool,
  }),
}
