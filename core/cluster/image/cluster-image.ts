/**
 * The registered brokers and controllers. A registration that was returned does not change any more. A change that names another epoch than
 * the broker's registration has is a damaged log. Pure.
 */
import type { MetadataRecord, MetadataRecordOf } from '../../wire/metadata-records.ts'
import { metadataCheck } from './damaged-metadata.ts'

export type BrokerRegistration = Omit<MetadataRecordOf<'RegisterBrokerRecord'>, 'type'>
export type ControllerRegistration = Omit<MetadataRecordOf<'RegisterControllerRecord'>, 'type'>

/** The changes of a BrokerRegistrationChangeRecord: 1 sets, -1 (only of `fenced`) clears, 0 leaves as it is. */
function changedFlag(change: number, current: boolean, mayClear: boolean, name: string): boolean {
  metadataCheck(change === 0 || change === 1 || (mayClear && change === -1), `a change of a broker's registration says ${name}=${change}`)
  return change === 0 ? current : change === 1
}

export class ClusterImage {
  readonly #brokers = new Map<number, BrokerRegistration>()
  readonly #controllers = new Map<number, ControllerRegistration>()

  get brokers(): ReadonlyMap<number, BrokerRegistration> {
    return this.#brokers
  }

  get controllers(): ReadonlyMap<number, ControllerRegistration> {
    return this.#controllers
  }

  registerBroker(record: MetadataRecordOf<'RegisterBrokerRecord'>): void {
    this.#brokers.set(record.brokerId, {
      brokerId: record.brokerId,
      isMigratingZkBroker: record.isMigratingZkBroker,
      incarnationId: record.incarnationId,
      brokerEpoch: record.brokerEpoch,
      endPoints: record.endPoints,
      features: record.features,
      rack: record.rack,
      fenced: record.fenced,
      inControlledShutdown: record.inControlledShutdown,
      logDirs: record.logDirs,
      cordonedLogDirs: record.cordonedLogDirs,
    })
  }

  unregisterBroker({ brokerId, brokerEpoch }: MetadataRecordOf<'UnregisterBrokerRecord'>): void {
    this.#existing(brokerId, brokerEpoch, 'unregistered')
    this.#brokers.delete(brokerId)
  }

  /** The older form of a BrokerRegistrationChangeRecord. */
  setFenced({ id, epoch }: { id: number; epoch: number }, fenced: boolean): void {
    this.#brokers.set(id, { ...this.#existing(id, epoch, fenced ? 'fenced' : 'unfenced'), fenced })
  }

  changeBroker(record: MetadataRecordOf<'BrokerRegistrationChangeRecord'>): void {
    const broker = this.#existing(record.brokerId, record.brokerEpoch, 'changed')
    this.#brokers.set(record.brokerId, {
      ...broker,
      fenced: changedFlag(record.fenced, broker.fenced, true, 'fenced'),
      inControlledShutdown: changedFlag(record.inControlledShutdown, broker.inControlledShutdown, false, 'inControlledShutdown'),
      logDirs: record.logDirs.length > 0 ? record.logDirs : broker.logDirs,
      cordonedLogDirs: record.cordonedLogDirs ?? broker.cordonedLogDirs,
    })
  }

  registerController(record: MetadataRecordOf<'RegisterControllerRecord'>): void {
    this.#controllers.set(record.controllerId, {
      controllerId: record.controllerId,
      incarnationId: record.incarnationId,
      zkMigrationReady: record.zkMigrationReady,
      endPoints: record.endPoints,
      features: record.features,
    })
  }

  *toRecords(): Iterable<MetadataRecord> {
    for (const broker of this.#brokers.values()) {
      yield { type: 'RegisterBrokerRecord', ...broker }
    }
    for (const controller of this.#controllers.values()) yield { type: 'RegisterControllerRecord', ...controller }
  }

  #existing(id: number, epoch: number, change: string): BrokerRegistration {
    const broker = this.#brokers.get(id)
    metadataCheck(broker, `broker ${id} is ${change}, and it is not registered`)
    metadataCheck(broker.brokerEpoch === epoch, `broker ${id} is ${change} at epoch ${epoch}, and its epoch is ${broker.brokerEpoch}`)
    return broker
  }
}
