/**
 * Every setting of a group, which Kafka stores for the groups of its newer protocols: this broker stores, validates and describes them, and
 * its classic groups do not read them. With the broker settings that give their defaults and bounds. Names and values are Kafka's.
 */
import { bool, int, type SettingMap, type SettingOptions, text } from './setting.ts'

/** ISO 8601 as java.time.Duration reads it, without a sign. */
const DURATION = /^\+?P(?!$)(\+?\d+D)?(T(?=[+\d])(\+?\d+H)?(\+?\d+M)?(\+?\d+([.,]\d{0,9})?S)?)?$/i

const offsetReset = (value: string, name: string): string | null =>
  value === 'earliest' || value === 'latest' || (value.startsWith('by_duration:') && DURATION.test(value.slice('by_duration:'.length)))
    ? null
    : `Invalid value \`${value}\` for configuration ${name}. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.`

const ofGroup = (options: SettingOptions = {}): SettingOptions => ({ ...options, ineffective: true })

/** With the default of the broker setting `group.` + name. */
const ofBroker = (name: string, options: SettingOptions = {}): SettingOptions => ofGroup({ ...options, synonyms: [`group.${name}`] })

export const groupSettings = {
  'consumer.session.timeout.ms': int(
    45_000,
    'The session timeout of the consumer protocol.',
    ofBroker('consumer.session.timeout.ms', { min: 1 }),
  ),
  'consumer.heartbeat.interval.ms': int(
    5_000,
    'The heartbeat interval of the consumer protocol.',
    ofBroker('consumer.heartbeat.interval.ms', { min: 1 }),
  ),
  'consumer.assignment.interval.ms': int(
    1_000,
    'The time between two assignments of a consumer group.',
    ofBroker('consumer.assignment.interval.ms', { min: 0 }),
  ),
  'share.session.timeout.ms': int(45_000, 'The session timeout of a share group.', ofBroker('share.session.timeout.ms', { min: 1 })),
  'share.heartbeat.interval.ms': int(
    5_000,
    'The heartbeat interval of a share group.',
    ofBroker('share.heartbeat.interval.ms', { min: 1 }),
  ),
  'share.record.lock.duration.ms': int(
    30_000,
    'How long a member of a share group keeps a record.',
    ofBroker('share.record.lock.duration.ms', { min: 1000 }),
  ),
  'share.delivery.count.limit': int(
    5,
    'How often a record is delivered to a share group.',
    ofBroker('share.delivery.count.limit', { min: 2 }),
  ),
  'share.partition.max.record.locks': int(
    2_000,
    'The most records that a share group keeps of a partition.',
    ofBroker('share.partition.max.record.locks', { min: 100 }),
  ),
  'share.auto.offset.reset': text('latest', 'Where a share group starts.', ofGroup({ validate: offsetReset })),
  'share.isolation.level': text(
    'read_uncommitted',
    'Whether a share group reads records of open and aborted transactions.',
    ofGroup({ oneOf: ['read_committed', 'read_uncommitted'] }),
  ),
  'share.renew.acknowledge.enable': bool(true, 'Whether a member of a share group may keep a record for longer.', ofGroup()),
  'share.assignment.interval.ms': int(
    1_000,
    'The time between two assignments of a share group.',
    ofBroker('share.assignment.interval.ms', { min: 0 }),
  ),
  'streams.session.timeout.ms': int(45_000, 'The session timeout of a streams group.', ofBroker('streams.session.timeout.ms', { min: 1 })),
  'streams.heartbeat.interval.ms': int(
    5_000,
    'The heartbeat interval of a streams group.',
    ofBroker('streams.heartbeat.interval.ms', { min: 1 }),
  ),
  'streams.num.standby.replicas': int(
    0,
    'The standby replicas of each task of a streams group.',
    ofBroker('streams.num.standby.replicas', { min: 0 }),
  ),
  'streams.initial.rebalance.delay.ms': int(
    3_000,
    'How long a new streams group waits for more members.',
    ofBroker('streams.initial.rebalance.delay.ms', { min: 0 }),
  ),
  'streams.assignment.interval.ms': int(
    1_000,
    'The time between two assignments of a streams group.',
    ofBroker('streams.assignment.interval.ms', { min: 0 }),
  ),
} satisfies SettingMap

export interface GroupBound {
  readonly setting: keyof typeof groupSettings
  readonly side: 'min' | 'max'
  /** The broker setting that is the bound. */
  readonly broker: string
  /** Its default. */
  readonly fallback: number
}

type Protocol = 'consumer' | 'share' | 'streams'
type NameUnder<P extends Protocol, N = keyof typeof groupSettings> = N extends `${P}.${infer R}` ? R : never

const between = <P extends Protocol>(protocol: P, name: NameUnder<P>, min: number, max: number): GroupBound[] => {
  const setting = `${protocol}.${name}` as keyof typeof groupSettings
  return [
    { setting, side: 'min', broker: `group.${protocol}.min.${name}`, fallback: min },
    { setting, side: 'max', broker: `group.${protocol}.max.${name}`, fallback: max },
  ]
}

/** In the order in which Kafka checks them. */
export const groupBounds: readonly GroupBound[] = [
  ...between('consumer', 'heartbeat.interval.ms', 5_000, 15_000),
  ...between('consumer', 'session.timeout.ms', 45_000, 60_000),
  ...between('consumer', 'assignment.interval.ms', 0, 15_000),
  ...between('share', 'heartbeat.interval.ms', 5_000, 15_000),
  ...between('share', 'session.timeout.ms', 45_000, 60_000),
  ...between('share', 'assignment.interval.ms', 0, 15_000),
  ...between('share', 'record.lock.duration.ms', 15_000, 60_000),
  ...between('share', 'delivery.count.limit', 2, 10),
  ...between('share', 'partition.max.record.locks', 100, 4_000),
  ...between('streams', 'heartbeat.interval.ms', 5_000, 15_000),
  ...between('streams', 'session.timeout.ms', 45_000, 60_000),
  ...between('streams', 'assignment.interval.ms', 0, 15_000),
  { setting: 'streams.num.standby.replicas', side: 'max', broker: 'group.streams.max.standby.replicas', fallback: 2 },
]
