/**
 * The settings of the transforms and predicates that a connector's config names, with the names, order and errors of Kafka Connect:
 * `transforms.<alias>.type`, the version of the plugin, its own settings, and for a transform `predicate` and `negate`.
 */
import type { VersionRange } from '../plugins/version-range.ts'
import type { Plugins } from '../plugins.ts'
import { InvalidSetting, type Setting, type Settings, setting } from '../sdk/index.ts'
import type { ConnectorConfig } from '../types.ts'
import { findConverter, rangeIn, versionProblem } from './plugin-versions.ts'

interface Stage {
  kind: 'transforms' | 'predicates'
  group: string
  /** Kafka's interface. */
  type: 'Transformation' | 'Predicate'
  find(name: string, range: VersionRange | null): { class: string; settings: Settings } | undefined
  all: readonly { class: string }[]
}

const stagesOf = (plugins: Plugins): readonly Stage[] => [
  { kind: 'transforms', group: 'Transforms', type: 'Transformation', find: plugins.transform, all: plugins.transforms },
  { kind: 'predicates', group: 'Predicates', type: 'Predicate', find: plugins.predicate, all: plugins.predicates },
]

/** The aliases in a list, each once. An empty one is an alias, whose type is missing. */
const aliasesIn = (list: string | undefined): string[] =>
  (list ?? '').trim() === '' ? [] : [...new Set(list!.split(',').map((alias) => alias.trim()))]

/** What every transform has besides its own settings. */
const ofEveryTransform: Settings = {
  predicate: setting.string({ default: null, doc: 'The alias of the predicate that selects the records; without it all are transformed.' }),
  negate: setting.boolean({ default: false, doc: 'Whether the transform is for the records that the predicate does not select.' }),
}

/** The config with the full class of each plugin that it names in short, as responses have it. */
export function withFullClasses(plugins: Plugins, config: ConnectorConfig): ConnectorConfig {
  const full: Record<string, string> = { ...config }
  for (const stage of stagesOf(plugins)) {
    for (const alias of aliasesIn(config[stage.kind])) {
      const name = `${stage.kind}.${alias}.type`
      const plugin = stage.find(config[name] ?? '', null)
      if (plugin) full[name] = plugin.class
    }
  }
  for (const what of ['key', 'value', 'header'] as const) {
    const name = `${what}.converter`
    const converter = config[name] === undefined ? undefined : findConverter(plugins, what, config[name], null)
    if (converter) full[name] = converter.class
  }
  return full
}

export function stageSettings(plugins: Plugins, config: ConnectorConfig): Settings {
  const settings: Settings = {}
  for (const stage of stagesOf(plugins)) {
    for (const alias of aliasesIn(config[stage.kind])) {
      const prefix = `${stage.kind}.${alias}.`
      const group = `${stage.group}: ${alias}`
      const type = config[`${prefix}type`] ?? ''
      const spec = config[`${prefix}plugin.version`]
      const plugin = versionProblem(plugins, type, spec) === undefined ? stage.find(type, rangeIn(spec)) : undefined
      settings[`${prefix}type`] = typeSetting(plugins, stage, alias, config)
      settings[`${prefix}plugin.version`] = versionSetting(plugins, stage, alias, type)
      if (!plugin) continue
      const own = inOrder({ ...plugin.settings, ...(stage.kind === 'transforms' && ofEveryTransform) })
      for (const [index, [name, declared]] of own.entries())
        settings[`${prefix}${name}`] = {
          ...withBareName(name, declared),
          group,
          order: index + 2,
          displayName: declared.displayName ?? name,
        }
    }
  }
  return settings
}

const importances = ['HIGH', 'MEDIUM', 'LOW']

/** As ConfigDef lists them: what is required first, then by importance, then by name. */
function inOrder(settings: Settings): [string, Settings[string]][] {
  return Object.entries(settings).sort(
    ([a, one], [b, other]) =>
      Number(other.required) - Number(one.required) ||
      importances.indexOf(one.importance) - importances.indexOf(other.importance) ||
      (a < b ? -1 : 1),
  )
}

/** Kafka's validators do not know the prefix of the transform; what is missing or does not parse is reported with it. */
function withBareName(name: string, declared: Setting<unknown>): Setting<unknown> {
  return {
    ...declared,
    parse(fullName, raw) {
      try {
        return declared.parse(name, raw)
      } catch (error) {
        if (error instanceof InvalidSetting && !error.unparsable) throw error
        return declared.parse(fullName, raw)
      }
    },
  }
}

function typeSetting(plugins: Plugins, stage: Stage, alias: string, config: ConnectorConfig): Setting<unknown> {
  const prefix = `${stage.kind}.${alias}.`
  const name = `${prefix}type`
  return setting.class({
    group: `${stage.group}: ${alias}`,
    order: 0,
    width: 'LONG',
    importance: 'HIGH',
    displayName: `${stage.type} type for ${alias}`,
    recommended: stage.all.map((declaration) => declaration.class),
    doc: `The class of the ${stage.type.toLowerCase()}.`,
    check(className) {
      if (stage.kind === 'transforms' && config[`${prefix}negate`] !== undefined && config[`${prefix}predicate`] === undefined)
        return InvalidSetting.saying(
          name,
          `Config '${prefix}negate' was provided but there is no config '${prefix}predicate' defining a predicate to be negated.`,
        )
      const problem = stage.find(className, null)
        ? versionProblem(plugins, className, config[`${prefix}plugin.version`])
        : unknownClass(plugins, stage, className)
      return problem?.startsWith('Class ') && problem.endsWith('found.') ? problem : problem && InvalidSetting.saying(name, problem)
    },
  })
}

/** Why a class is no plugin of the stage. */
function unknownClass(plugins: Plugins, stage: Stage, className: string): string {
  const concrete = stage.all.map((declaration) => declaration.class).filter((name) => name.startsWith(`${className}$`))
  if (concrete.length > 0) return `This class is abstract and cannot be created. Did you mean ${concrete.join(', ')}?`
  const other = plugins.plugin(className)
  if (other) return `Class class ${className} does not implement the ${stage.type} interface`
  return `Class ${className} could not be found.`
}

function versionSetting(plugins: Plugins, stage: Stage, alias: string, type: string): Setting<unknown> {
  const versions = stage.find(type, null) ? plugins.versions(type) : []
  return setting.string({
    group: `${stage.group}: ${alias}`,
    order: 1,
    width: 'LONG',
    importance: 'HIGH',
    displayName: `${stage.type} version for ${alias}`,
    default: versions[0] ?? null,
    recommended: versions,
    doc: `The version of the ${stage.type.toLowerCase()}, or a range of versions, as Maven writes it: 1.2 or [1.0,2.0). Without it the newest one.`,
    check(spec) {
      const problem = versionProblem(plugins, type, spec)
      return problem && InvalidSetting.saying(alias, problem)
    },
  })
}
