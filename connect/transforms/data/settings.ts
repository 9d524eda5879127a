/**
 * Settings that several transforms have, and the validators of Kafka's ConfigDef for them, whose messages name the setting without the
 * prefix of the transform.
 */
import { InvalidSetting, setting } from '../../sdk/index.ts'

/** Settings that are valid one by one but not together. Kafka Connect accepts such a config, and its tasks fail when they start. */
export class ConfigError extends Error {
  override name = 'ConfigException'
}

export const replaceNullWithDefault = {
  'replace.null.with.default': setting.boolean({
    default: true,
    doc: 'Whether the default of a field replaces its null value. If false, the field stays null.',
  }),
}

/** A list in which no element is empty or repeated. */
function checkList(name: string, list: readonly string[], mayBeEmpty: boolean): InvalidSetting | undefined {
  const saying = (what: string) => InvalidSetting.saying(name, `Configuration '${name}' ${what}`)
  if (list.length === 0 && !mayBeEmpty) return saying('must not be empty. Valid values include: any non-empty value')
  if (new Set(list).size < list.length) return saying('values must not be duplicated.')
  return list.includes('') ? saying('values must not be empty.') : undefined
}

export const requiredNames = (name: string, doc: string) =>
  setting.list({ doc, importance: 'HIGH', check: (list) => checkList(name, list, false) })

export const optionalNames = (name: string, doc: string) => setting.list({ default: [], doc, check: (list) => checkList(name, list, true) })

/** The parts of a text between colons as Java splits it: without empty ones at its end. */
export function colonParts(text: string): string[] {
  const parts = text.split(':')
  if (parts.length === 1) return parts
  while (parts.at(-1) === '') parts.pop()
  return parts
}
