/**
 * Which config and which mode a subject has: its own, else that of its context, else the global ones, else the defaults of the process.
 */
import type { CompatibilityLevel, Config, Mode } from './entities.ts'
import { contextPrefix, DEFAULT_CONTEXT, GLOBAL_CONTEXT, parseSubject } from './qualified-subject.ts'
import type { RegistryImage } from './registry-image.ts'

export interface RegistryDefaults {
  /** Schema.compatibility.level. */
  readonly compatibilityLevel: CompatibilityLevel
  /** Schema.validate.fields. */
  readonly validateFields: boolean
  /** Schema.validate.new.schemas. */
  readonly validateNewSchemas: boolean
}

const GLOBAL_SUBJECT = contextPrefix(GLOBAL_CONTEXT)
export const DEFAULT_MODE: Mode = 'READWRITE'

/** The subject under which a context keeps its config and its mode; null for the default context. */
const subjectOfContext = (subject: string | null): string | null => {
  const { context } = parseSubject(subject ?? '')
  return context === DEFAULT_CONTEXT ? null : contextPrefix(context)
}

const isGlobal = (subject: string | null): boolean => subject === null || parseSubject(subject).context === GLOBAL_CONTEXT

const withLevel = (config: Config, defaults: RegistryDefaults): Config => ({
  ...config,
  compatibilityLevel: config.compatibilityLevel ?? defaults.compatibilityLevel,
})

/** What of the config of the default context a subject with a config of its own has where it does not set it. */
function sharedWithSubjects(config: Config): Config {
  const names = ['normalize', 'validateFields', 'validateNewSchemas', 'validateRules', 'compatibilityPolicy', 'compatibilityGroup'] as const
  return Object.fromEntries(names.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])))
}

/** The config that the subject has itself; the default one where it is the default or the global context. */
export function ownConfig(image: RegistryImage, subject: string | null, defaults: RegistryDefaults): Config | undefined {
  const config = image.config(subject)
  if (config) return withLevel(config, defaults)
  return isGlobal(subject) ? { compatibilityLevel: defaults.compatibilityLevel } : undefined
}

export function configInScope(image: RegistryImage, subject: string | null, defaults: RegistryDefaults): Config {
  const own = subject === null ? undefined : ownConfig(image, subject, defaults)
  if (own) return { ...sharedWithSubjects(image.config(null) ?? {}), ...own }
  const inherited = image.config(subject) ?? image.config(subjectOfContext(subject)) ?? image.config(GLOBAL_SUBJECT)
  return withLevel(inherited ?? {}, defaults)
}

export const ownMode = (image: RegistryImage, subject: string | null): Mode | undefined =>
  image.mode(subject) ?? (isGlobal(subject) ? DEFAULT_MODE : undefined)

export const modeInScope = (image: RegistryImage, subject: string | null): Mode =>
  image.mode(subject) ?? image.mode(subjectOfContext(subject)) ?? image.mode(GLOBAL_SUBJECT) ?? DEFAULT_MODE
