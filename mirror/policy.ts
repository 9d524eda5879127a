/**
 * All topic naming of the mirror: remote topics, their source and upstream topic, and the internal topics. The names are those of Kafka's
 * DefaultReplicationPolicy and IdentityReplicationPolicy. No other file of the mirror builds or parses a topic name.
 */
export interface ReplicationPolicy {
  /** The name of a source topic on the target. */
  remoteTopic(sourceAlias: string, topic: string): string
  /** The alias of the cluster from which a remote topic was replicated; null if the topic is not a remote topic. */
  topicSource(topic: string): string | null
  /** The name on the cluster one hop upstream; null if the topic is not a remote topic. */
  upstreamTopic(topic: string): string | null
  /** The name on the cluster where the records were first produced. */
  originalTopic(topic: string): string
  heartbeatsTopic(): string
  isHeartbeats(topic: string): boolean
  checkpointsTopic(alias: string): string
  offsetSyncsTopic(alias: string): string
  /** Tributary's own: the exact offset map of one source, on the target. */
  offsetMapTopic(sourceAlias: string): string
  /** Internal topics are never mirrored. */
  isInternal(topic: string): boolean
}

export interface PolicySettings {
  /** A Java class name, fully qualified or simple. */
  className: string
  separator: string
  internalSeparatorEnabled: boolean
  /** For the identity policy, which cannot read it from the topic name. */
  sourceAlias: string
}

const HEARTBEATS = 'heartbeats'
const PACKAGE = 'org.apache.kafka.connect.mirror.'
type PolicyKind = 'default' | 'identity'
const kinds: Readonly<Record<string, PolicyKind>> = {
  DefaultReplicationPolicy: 'default',
  IdentityReplicationPolicy: 'identity',
}

/** The policy of a class name; undefined for a class that is not supported. */
export function policyKind(className: string): PolicyKind | undefined {
  const short = className.startsWith(PACKAGE) ? className.slice(PACKAGE.length) : className
  return kinds[short]
}

export const policyClasses: readonly string[] = Object.keys(kinds).map((name) => PACKAGE + name)

export function createPolicy(settings: PolicySettings): ReplicationPolicy {
  const kind = policyKind(settings.className)
  if (kind === undefined)
    throw new Error(`replication.policy.class: ${settings.className} is not supported; use one of ${policyClasses.join(', ')}`)
  const { separator } = settings
  const internalSeparator = settings.internalSeparatorEnabled ? separator : '.'
  const internalSuffix = `${internalSeparator}internal`
  const checkpointsSuffix = `${internalSeparator}checkpoints${internalSuffix}`

  const prefixOf = (topic: string): string | null => {
    const end = topic.indexOf(separator)
    // Java's split drops empty parts at the end: "a." has one part and is not a remote topic.
    if (end < 0 || /^$/.test(topic.slice(end).replaceAll(separator, ''))) return null
    return topic.slice(0, end)
  }
  // The identity policy prefixes the heartbeats topic too: its name shows the source cluster.
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
  return {
    remoteTopic: (alias, topic) => (prefixed(topic) ? `${alias}${separator}${topic}` : topic),
    topicSource,
    upstreamTopic,
    originalTopic,
    heartbeatsTopic: () => HEARTBEATS,
    isHeartbeats: (topic) => originalTopic(topic) === HEARTBEATS,
    checkpointsTopic: (alias) => alias + checkpointsSuffix,
    offsetSyncsTopic: (alias) => `mm2-offset-syncs${internalSeparator}${alias}${internalSuffix}`,
    offsetMapTopic: (alias) => `mm2-offset-map${internalSeparator}${alias}${internalSuffix}`,
    isInternal: (topic) =>
      topic.startsWith('__') ||
      topic.startsWith('.') ||
      (topic.startsWith('mm2') && topic.endsWith(internalSuffix)) ||
      topic.endsWith(checkpointsSuffix),
  }
}

/** Whether the records of a topic have been on the target already: mirroring it there would be a cycle. */
export function isCycle(policy: ReplicationPolicy, topic: string, targetAlias: string): boolean {
  const source = policy.topicSource(topic)
  if (source === null) return false
  if (source === targetAlias) return true
  const upstream = policy.upstreamTopic(topic)
  return upstream === null || upstream === topic ? false : isCycle(policy, upstream, targetAlias)
}
