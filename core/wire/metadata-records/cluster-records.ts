/**
 * Records of the metadata log about nodes, finalized features and producer ids, and those that mark transactions of the log itself.
 */
import { bool, int8, int16, int32, int64, list, nullable, optional, since, string, struct, tagged, uint16, uuid } from '../types.ts'
import { MINIMUM_METADATA_VERSION as ANY, defineRecord } from './define-record.ts'

const endPoints = list(struct({ name: string, host: string, port: uint16, securityProtocol: int16 }))
const features = list(struct({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }))
const directoryIds = list(uuid)

export const clusterRecords = {
  RegisterBrokerRecord: defineRecord(0, [ANY, ANY, 8, 17, 30], {
    brokerId: int32,
    isMigratingZkBroker: since(2, bool),
    incarnationId: uuid,
    brokerEpoch: int64,
    endPoints,
    features,
    rack: nullable(string),
    fenced: optional(bool, true),
    inControlledShutdown: since(1, bool),
    logDirs: tagged(0, 3, directoryIds),
    /** Null until the broker has said in a heartbeat which ones are cordoned. */
    cordonedLogDirs: tagged(1, 4, nullable(directoryIds)),
  }),
  UnregisterBrokerRecord: defineRecord(1, [ANY], { brokerId: int32, brokerEpoch: int64 }),
  FenceBrokerRecord: defineRecord(7, [ANY], { id: int32, epoch: int64 }),
  UnfenceBrokerRecord: defineRecord(8, [ANY], { id: int32, epoch: int64 }),
  /** `fenced`: 1 fences, -1 unfences, 0 changes nothing. `inControlledShutdown`: 1 begins it. */
  BrokerRegistrationChangeRecord: defineRecord(17, [ANY, ANY, 17, 30], {
    brokerId: int32,
    brokerEpoch: int64,
    fenced: tagged(0, 0, int8),
    inControlledShutdown: tagged(1, 1, int8),
    logDirs: tagged(2, 2, directoryIds),
    cordonedLogDirs: tagged(3, 3, nullable(directoryIds)),
  }),
  RegisterControllerRecord: defineRecord(27, [15], {
    controllerId: int32,
    incarnationId: uuid,
    zkMigrationReady: bool,
    endPoints,
    features,
  }),
  FeatureLevelRecord: defineRecord(12, [ANY], { name: string, featureLevel: int16 }),
  ProducerIdsRecord: defineRecord(15, [ANY], { brokerId: int32, brokerEpoch: optional(int64, -1), nextProducerId: int64 }),
  NoOpRecord: defineRecord(20, [ANY], {}),
  ZkMigrationStateRecord: defineRecord(21, [8], { zkMigrationState: int8 }),
  BeginTransactionRecord: defineRecord(23, [13], { name: tagged(0, 0, nullable(string)) }),
  EndTransactionRecord: defineRecord(24, [13], {}),
  AbortTransactionRecord: defineRecord(25, [13], { reason: tagged(0, 0, nullable(string)) }),
}
