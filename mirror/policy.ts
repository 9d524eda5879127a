/**
 * All topic naming of the mirror: how a topic is called on the target, where a remote topic came from, and what the internal topics are
 * called. The answers are those of Kafka's DefaultReplicationPolicy and IdentityReplicationPolicy, name by name.
 * Nothing else in this room puts a topic name together.
 */
export interface ReplicationPolicy {
  readonly kind: 'default' | 'identity'
  /** The name on the target of the source's topic. */
  remoteTopic(sourceAlias: string, topic: string): string
  /** The alias that a remote topic came from; null where the topic is not a remote one. */
  topicSource(topic: string): string | null
  /** The name one hop up; null where the topic is not a remote one. */
  upstreamTopic(topic: string): string | null
  /** The name where the records were first written. */
  originalTopic(topic: string): string
  heartbeatsTopic(): string
  isHeartbeats(topic: string): boolean
  checkpointsTopic(alias: string): string
  isCheckpoints(topic: string): boolean
  offsetSyncsTopic(alias: string): string
  /** Ours: the exact offset map of one source, on the target. */
  offsetMapTopic(sourceAlias: string): string
  /** Never mirrored. */
  isInternal(topic: string): boolean
}

export interface PolicySettings {
  /** A Java class name, in full or its last part. */
  className: string
  separator: string
  internalSeparatorEnabled: boolean
  /** The identity policy cannot read it from a topic's name. */
  sourceAlias: string
}

const HEARTBEATS = 'heartbeats'
const PACKAGE = 'org.apache.kafka.connect.mirror.'
const kinds: Readonly<Record<string, ReplicationPolicy['kind']>> = {
  DefaultReplicationPolicy: 'default',
  IdentityReplicationPolicy: 'identity',
}

/** Which policy a class name means; undefined where it is not one of ours. */
export function policyKind(className: string): ReplicationPolicy['kind'] | undefined {
  const short = className.startsWith(PACKAGE) ? className.slice(PACKAGE.length) : className
  return kinds[short]
}

export const policyClasses: readonly string[] = Object.keys(kinds).map((name) => PACKAGE + name)

export function createPolicy(settings: PolicySettings): ReplicationPolicy {
  const kind = policyKind(settings.className)
  if (kind === undefined)
    throw new Error(`replication.policy.class: ${settings.className} is not known; use one of ${policyClasses.join(', ')}`)
  const { separator } = settings
  const inner = settings.internalSeparatorEnabled ? separator : '.'
  const suffix = `${inner}internal`
  const checkpoints = `${inner}checkpoints${suffix}`

  const prefixOf = (topic: string): string | null => {
    const at = topic.indexOf(separator)
    // Java's split drops empty parts at the end: "a." has one part and is not a remote topic
    if (at < 0 || /^$/.test(topic.slice(at).replaceAll(separator, ''))) return null
    return topic.slice(0, at)
  }
  // what the identity policy still puts a prefix before: heartbeats must tell where they come from
  const prefixed = (topic: string): boolean => kind === 'default' || topic.endsWith(HEARTBEATS)
  const topicSource = (topic: string): string | null => (prefixed(topic) ? prefixOf(topic) : settings.sourceAlias)
  const upstreamTopic = (topic: string): string | null => {
    const source = topicSource(topic)
    if (source === null) return null
    if (!prefixed(topic)) return topic
    return topic.slice(source.length + separator.length)
  }
  const originalTopic = (topic: string): string => {
    const upstream = upstreamTopic(topic)
    return upstream === null || upstream === topic ? topic : originalTopic(upstream)
  }
  const isCheckpoints = (topic: string): boolean => topic.endsWith(checkpoints)
  return {
    kind,
    remoteTopic: (alias, topic) => (prefixed(topic) ? `${alias}${separator}${topic}` : topic),
    topicSource,
    upstreamTopic,
    originalTopic,
    heartbeatsTopic: () => HEARTBEATS,
    isHeartbeats: (topic) => originalTopic(topic) === HEARTBEATS,
    checkpointsTopic: (alias) => alias + checkpoints,
    isCheckpoints,
    offsetSyncsTopic: (alias) => `mm2-offset-syncs${inner}${alias}${suffix}`,
    offsetMapTopic: (alias) => `mm2-offset-map${inner}${alias}${suffix}`,
    isInternal: (topic) =>
      topic.startsWith('__') || topic.startsWith('.') || (topic.startsWith('mm2') && topic.endsWith(suffix)) || isCheckpoints(topic),
  }
}

/** Whether the records of a topic were on the target before: mirroring it there would bring them home. */
export function isCycle(policy: ReplicationPolicy, topic: string, targetAlias: string): boolean {
  const source = policy.topicSource(topic)
  if (source === null) return false
  if (source === targetAlias) return true
  const upstream = policy.upstreamTopic(topic)
  return upstream === null || upstream === topic ? false : isCycle(policy, upstream, targetAlias)
}

/** How many mirrors a topic of this cluster has passed; by its name, so always 0 under the identity policy. */
export function hops(policy: ReplicationPolicy, topic: string): number {
  const upstream = policy.upstreamTopic(topic)
  return upstream === null || upstream === topic ? 0 : 1 + hops(policy, upstream)
}
