/**
 * Configs and modes of subjects, contexts and the whole registry: the decisions of the leader. A request sets the fields that it names, and
 * removes those that it names with null.
 */
import type { Decision, DecisionContext } from './decision-context.ts'
import { type Config, compatibilityLevels, type Mode, modes } from './entities.ts'
import { isContext, isDefaultContext, isGlobalContext, isValidSubject, matchesSubject, normalizeSubject } from './qualified-subject.ts'
import { checkWritable } from './registration.ts'
import {
  compatibilityNotConfigured,
  invalidCompatibility,
  invalidMode,
  invalidSubject,
  modeNotConfigured,
  notPermitted,
  referenceExists,
  subjectNotFound,
} from './registry-error.ts'
import { readMetadata, readRuleSet, validateRuleSet } from './schema-metadata.ts'
import { configInScope, modeInScope, ownConfig, ownMode } from './scope.ts'
import { configJson, type RegistryRecord } from './topic-records.ts'

/** A body of PUT /config. `compatibility` is the level's name there. */
export type ConfigRequest = Readonly<Record<string, unknown>>

/** Null is the default context, whose config is that of the whole registry. */
export const scopeSubject = (subject: string | null): string | null =>
  subject === null || isDefaultContext(subject) ? null : normalizeSubject(subject)

const texts = ['alias', 'aliasForDeks', 'compatibilityPolicy', 'compatibilityGroup'] as const
const flags = ['normalize', 'validateFields', 'validateNewSchemas', 'validateRules'] as const

/** The config after the request: of the fields that it does not name, those of before. */
function updated(before: Config, request: ConfigRequest): Config {
  const after: Record<string, unknown> = { ...before }
  const set = (name: keyof Config, value: unknown) => {
    if (value === null || value === undefined) delete after[name]
    else after[name] = value
  }
  for (const name of texts) if (name in request) set(name, request[name] === null ? null : String(request[name]))
  for (const name of flags)
    if (name in request) set(name, request[name] === null ? null : request[name] === true || request[name] === 'true')
  for (const name of ['defaultMetadata', 'overrideMetadata'] as const) if (name in request) set(name, readMetadata(request[name]))
  for (const name of ['defaultRuleSet', 'overrideRuleSet'] as const) if (name in request) set(name, readRuleSet(request[name]))
  if ('compatibility' in request) set('compatibilityLevel', levelNamed(request.compatibility))
  return after as Config
}

function levelNamed(value: unknown): Config['compatibilityLevel'] | null {
  if (value === null) return null
  const level = compatibilityLevels.find((name) => name === String(value).toUpperCase())
  if (!level) throw invalidCompatibility()
  return level
}

/** The answer is the whole config, in the form of a request. */
export function decideUpdateConfig(context: DecisionContext, given: string | null, request: ConfigRequest): Decision<ConfigRequest> {
  const after = updated(context.image.config(scopeSubject(given)) ?? {}, request)
  validateRuleSet(after.defaultRuleSet)
  validateRuleSet(after.overrideRuleSet)
  if (given !== null && !isValidSubject(given, { isConfigOrMode: true })) throw invalidSubject(given)
  const subject = scopeSubject(given)
  checkWritable(context, subject)
  const { compatibilityLevel, ...rest } = configJson(after)
  const answer = { ...rest, ...(compatibilityLevel === undefined ? {} : { compatibility: compatibilityLevel }) }
  return { records: [{ type: 'CONFIG', subject, value: after }], answer }
}

/** The answer is the config of before. */
export function decideDeleteConfig(context: DecisionContext, given: string | null): Decision<Partial<Config>> {
  const subject = scopeSubject(given)
  const before = ownConfig(context.image, subject, context.defaults)
  if (!before) throw subjectNotFound(subject)
  checkWritable(context, subject)
  return { records: [{ type: 'CONFIG', subject, value: null }], answer: configJson(before) }
}

export function readConfigOf({ image, defaults }: DecisionContext, given: string | null, defaultToGlobal: boolean): Partial<Config> {
  const subject = scopeSubject(given)
  const config = defaultToGlobal ? configInScope(image, subject, defaults) : ownConfig(image, subject, defaults)
  if (!config) throw compatibilityNotConfigured(subject!)
  return configJson(config)
}

export function readModeOf({ image }: DecisionContext, given: string | null, defaultToGlobal: boolean): { mode: Mode } {
  const subject = scopeSubject(given)
  const mode = defaultToGlobal ? modeInScope(image, subject) : ownMode(image, subject)
  if (!mode) throw modeNotConfigured(subject!)
  return { mode }
}

/** `request.mode` null removes the mode. The answer is the request. */
export function decideSetMode(
  context: DecisionContext,
  given: string | null,
  request: { mode?: unknown },
  force: boolean,
): Decision<{ mode?: unknown }> {
  if (given !== null && !isValidSubject(given, { isConfigOrMode: true })) throw invalidSubject(given)
  const subject = scopeSubject(given)
  const asked = request.mode ?? null
  const mode = asked === null ? null : modes.find((name) => name === String(asked).toUpperCase())
  if (mode === undefined) throw invalidMode()
  if (mode === 'FORWARD' && (subject === null || !isGlobalContext(subject)))
    throw invalidMode('Forward mode only supported on global level')
  checkModesCanChange(context)
  const cleared = mode === 'IMPORT' && !force ? recordsBeforeImport(context, subject) : []
  return { records: [...cleared, { type: 'MODE', subject, value: mode }], answer: request }
}

/** Imported schemas bring ids and versions: none may exist. What was deleted is removed, and with it its ids. */
function recordsBeforeImport({ image }: DecisionContext, subject: string | null): RegistryRecord[] {
  if (modeInScope(image, subject) === 'IMPORT') return []
  if (image.hasSubjects(subject, false)) throw notPermitted('Cannot import since found existing subjects')
  const deleted = image
    .subjects()
    .filter((name) => matchesSubject(subject, name))
    .flatMap((name) => image.versions(name))
  for (const { subject: name, version } of deleted) if (image.referencedBy(name, version).length > 0) throw referenceExists(name, version)
  return [
    ...deleted.map(({ subject: name, version }) => ({ type: 'SCHEMA', subject: name, version, value: null }) as const),
    { type: 'CLEAR_SUBJECT', subject, value: true },
  ]
}

/** The answer is the mode of before; with `recursive` also the modes of all subjects of a context are removed. */
export function decideDeleteMode(context: DecisionContext, given: string | null, recursive: boolean): Decision<{ mode?: Mode }> {
  const { image } = context
  const subject = scopeSubject(given)
  const before = ownMode(image, subject)
  if (!before && !recursive) throw subjectNotFound(subject)
  checkModesCanChange(context)
  const below =
    recursive && (subject === null || isContext(subject))
      ? image.subjectsWithMode().filter((name) => name !== null && name !== subject && matchesSubject(subject ?? '', name))
      : []
  const records = [subject, ...below].map((name) => ({ type: 'MODE', subject: name, value: null }) as const)
  return { records, answer: before ? { mode: before } : {} }
}

function checkModesCanChange({ modesCanChange }: DecisionContext): void {
  if (!modesCanChange) throw notPermitted('Mode changes are not allowed')
}
