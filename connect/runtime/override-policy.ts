/**
 * Which client settings the config of a connector may override: `connector.client.config.override.policy`, with the policies, names and
 * messages of Kafka Connect. Pure.
 */

export interface OverridePolicy {
  readonly name: string
  /** Why the config of a connector must not have this client setting; undefined where it may. */
  refusal(setting: string): string | undefined
}

const PACKAGE = 'org.apache.kafka.connect.connector.policy.'
const SUFFIX = 'ConnectorClientConfigOverridePolicy'

const principalSettings = ['sasl.jaas.config', 'sasl.mechanism', 'security.protocol']

const policies = {
  All: () => true,
  None: () => false,
  Principal: (setting: string) => principalSettings.includes(setting),
  Allowlist: (setting: string, allowlist: readonly string[]) => allowlist.includes(setting),
} as const satisfies Record<string, (setting: string, allowlist: readonly string[]) => boolean>

export type PolicyName = keyof typeof policies

export const policyNames = Object.keys(policies) as PolicyName[]

/** The interface that a policy of Kafka Connect implements. */
export const POLICY_INTERFACE = `${PACKAGE}${SUFFIX}`

/** By its short name, its class, or its class with the package; null where there is none. */
export const policyNamed = (name: string): PolicyName | null =>
  policyNames.find((policy) => [policy, `${policy}${SUFFIX}`, `${PACKAGE}${policy}${SUFFIX}`].includes(name.trim())) ?? null

/** Kafka Connect's words about a policy that it will drop; undefined for the others. */
export const deprecation = (name: PolicyName): string | undefined =>
  name === 'Principal'
    ? 'The Principal ConnectorClientConfigOverridePolicy is deprecated, use the Allowlist policy instead. To replicate the Principal policy ' +
      'behavior, set the connector.client.config.override.allowlist configuration to "security.protocol,sasl.mechanism,sasl.jaas.config"'
    : undefined

/** `allowlist` is `connector.client.config.override.allowlist`, which counts for the policy Allowlist alone. */
export function overridePolicy(name: PolicyName, allowlist: readonly string[]): OverridePolicy {
  return {
    name,
    refusal: (setting) =>
      policies[name](setting, allowlist)
        ? undefined
        : `The '${name}' policy does not allow '${setting}' to be overridden in the connector configuration.`,
  }
}
