/**
 * Rules of data contracts: clients run them on records, and this one runs none. A record of a schema with a rule that would have to run,
 * such as one that encrypts, is refused and not written as it is. Pure.
 */
import { DataError } from '../sdk/index.ts'

/** When a rule runs: on a record that is written or read, or on one that is read with a newer schema. */
export type RuleUse = 'WRITE' | 'READ' | 'UPGRADE'

interface Rule {
  readonly name: string
  readonly type: string
  readonly mode: string
  readonly disabled: boolean
  readonly onFailure: string | null
}

/** Modes of rules that run in two directions, whose actions are for the one and the other. */
const bothWays: Readonly<Record<RuleUse, readonly [mode: string, action: number]>> = {
  WRITE: ['WRITEREAD', 0],
  READ: ['WRITEREAD', 1],
  UPGRADE: ['UPDOWN', 0],
}
const words = {
  WRITE: 'when records are written',
  READ: 'when records are read',
  UPGRADE: 'when records are read with a newer schema',
} as const

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const textOr = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function rulesIn(list: unknown): Rule[] {
  return (Array.isArray(list) ? list : []).filter(isObject).map((rule) => ({
    name: textOr(rule.name) ?? '',
    type: textOr(rule.type) ?? '',
    mode: textOr(rule.mode) ?? 'WRITEREAD',
    disabled: rule.disabled === true,
    onFailure: textOr(rule.onFailure),
  }))
}

/** `rule.executors.NAME.disabled`, of a rule, of its type or of all; null where none is set. */
function disabledBySetting(rule: Rule, settings: Readonly<Record<string, string>>): boolean | null {
  const names = [rule.name, `_${rule.type}_`, '_default_']
  const set = names.map((name) => settings[`rule.executors.${name}.disabled`]).find((value) => value !== undefined)
  return set === undefined ? null : set.toLowerCase() === 'true'
}

export interface RuleSettings {
  /** `execution.environment`. */
  readonly environment: string
  /** All settings, for those of a rule. */
  readonly raw: Readonly<Record<string, string>>
}

/** @throws DataError where a rule of the schema would have to run. `ruleSet` is the JSON of the registry. */
export function refuseRules(ruleSet: unknown, use: RuleUse, what: string, { environment, raw }: RuleSettings): void {
  if (!isObject(ruleSet)) return
  const { domainRules, encodingRules, migrationRules, enableAt } = ruleSet
  const isElsewhere = typeof enableAt === 'string' && enableAt !== 'ALL' && enableAt !== environment
  const [both, action] = bothWays[use]
  const rules = use === 'UPGRADE' ? rulesIn(migrationRules) : [...rulesIn(domainRules), ...rulesIn(encodingRules)]
  const found = rules.find((rule) => {
    if (rule.mode !== use && rule.mode !== both) return false
    if (disabledBySetting(rule, raw) ?? (isElsewhere || rule.disabled)) return false
    const actions = rule.onFailure?.split(',') ?? []
    return (actions.length > 1 ? actions[action] : actions[0])?.trim() !== 'NONE'
  })
  if (found)
    throw new DataError(
      `the schema of ${what} has the rule ${found.name} of type ${found.type}, which runs ${words[use]}, and this converter runs no rules: disable it in the registry, or set rule.executors.${found.name}.disabled=true`,
    )
}
