/**
 * The plugins of one module: its default export is what a `define…` of the SDK has returned, an array or an object of such. What is
 * anything else is refused with a sentence that says what is wrong and what to do. It runs the module, and so only where that may happen.
 */
import {
  type Connector,
  type ConverterDeclaration,
  kindOf,
  type PluginKind,
  type PredicateDeclaration,
  type Settings,
  type SourceSide,
  type TransformDeclaration,
} from '../sdk/index.ts'
import { type PluginOrigin, setOrigin } from './origins.ts'

// biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type, which its settings parse to
type Any = any

/** Declarations of all kinds. */
export interface PluginSet {
  readonly connectors: readonly Connector[]
  readonly converters: readonly ConverterDeclaration<Any>[]
  readonly transforms: readonly TransformDeclaration<Any>[]
  readonly predicates: readonly PredicateDeclaration<Any>[]
}

/** A module may declare so many plugins (Invariant 13). */
const MAX_PLUGINS = 1_000

/** A module that is no plugin. */
export class NotAPlugin extends Error {
  override name = 'NotAPlugin'
}

const EXPORT =
  'default-export what defineConnector, defineConverter, defineTransform or definePredicate of tributary/connect/sdk returns, or an array or an object of them'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** The declarations in a default export: a declaration, or an array or object of declarations, one level deep or of pairs. */
function declarationsIn(exported: unknown): object[] {
  if (kindOf(exported) !== undefined) return [exported as object]
  if (!isObject(exported)) throw new NotAPlugin(`it has no default export of an object: ${EXPORT}`)
  // A CommonJS module that was an ES module has its default export there.
  if (kindOf(exported.default) !== undefined || Array.isArray(exported.default)) return declarationsIn(exported.default)
  const values = Object.values(exported).flat() as unknown[]
  if (values.length === 0 || values.length > MAX_PLUGINS)
    throw new NotAPlugin(`its default export has ${values.length} values, and may have 1 to ${MAX_PLUGINS}: ${EXPORT}`)
  const other = values.findIndex((value) => kindOf(value) === undefined)
  if (other >= 0) throw new NotAPlugin(`value ${other} of its default export is no plugin: ${EXPORT}`)
  return values as object[]
}

/** What the worker reads of a setting; the rest only tools show. */
const isSetting = (declared: unknown): boolean =>
  isObject(declared) &&
  typeof declared.parse === 'function' &&
  typeof declared.type === 'string' &&
  Array.isArray(declared.aliases) &&
  (declared.default === null || typeof declared.default === 'string')

function requireShape(what: string, declaration: Record<string, unknown>, functions: readonly string[]): void {
  const { class: name, settings, aliases } = declaration
  if (typeof name !== 'string' || name.trim() === '' || name !== name.trim())
    throw new NotAPlugin(`a ${what} has no class: set \`class\` to its full name, as org.example.${what[0]!.toUpperCase()}${what.slice(1)}`)
  if (!isObject(settings)) throw new NotAPlugin(`${name} has no settings: set \`settings\` to an object, of setting.string() and others`)
  for (const [setting, declared] of Object.entries(settings))
    if (!isSetting(declared))
      throw new NotAPlugin(`the setting ${setting} of ${name} is none: declare it with setting.string() or another of the SDK's`)
  if (aliases !== undefined && !(Array.isArray(aliases) && aliases.every((alias) => typeof alias === 'string')))
    throw new NotAPlugin(`the aliases of ${name} are no array of texts`)
  for (const own of functions)
    if (typeof declaration[own] !== 'function') throw new NotAPlugin(`${name} has no function ${own}: a ${what} must have it`)
}

const functionsOf: Readonly<Record<Exclude<PluginKind, 'connector'>, readonly string[]>> = {
  source: ['read'],
  sink: ['start'],
  flow: ['run'],
  converter: ['create'],
  transformation: ['create'],
  predicate: ['create'],
}

/** A side on its own is a connector of that side. */
function connectorOf(declaration: object, kind: PluginKind): Connector {
  const { class: name, version } = declaration as SourceSide<Settings> & { version?: string }
  const alone = { name, doc: '', ...(version === undefined ? {} : { version }), [kind]: declaration }
  const connector = (kind === 'connector' ? declaration : alone) as Connector
  const sides = (['source', 'sink', 'flow'] as const).filter((side) => connector[side] !== undefined)
  if (sides.length === 0) throw new NotAPlugin(`the connector ${connector.name} has no source, no sink and no flow`)
  for (const side of sides) requireShape(side, connector[side] as unknown as Record<string, unknown>, functionsOf[side])
  if (connector.flow && !['source', 'sink'].includes(connector.flow.type))
    throw new NotAPlugin(`the flow ${connector.flow.class} has no type: set \`type\` to source or sink`)
  return connector
}

/** `exported` is the default export of the module of `origin`. @throws NotAPlugin */
export function pluginsIn(exported: unknown, origin: PluginOrigin): PluginSet {
  const set = {
    connectors: [] as Connector[],
    converters: [] as ConverterDeclaration<Any>[],
    transforms: [] as TransformDeclaration<Any>[],
    predicates: [] as PredicateDeclaration<Any>[],
  }
  for (const declaration of declarationsIn(exported)) {
    const kind = kindOf(declaration)!
    const own = (declaration as { version?: unknown }).version
    if (own !== undefined && (typeof own !== 'string' || own.trim() === ''))
      throw new NotAPlugin('its version is no text: set `version` to one as 1.2.3')
    if (kind === 'converter' || kind === 'transformation' || kind === 'predicate') {
      requireShape(kind, declaration as Record<string, unknown>, functionsOf[kind])
      const list = kind === 'converter' ? set.converters : kind === 'transformation' ? set.transforms : set.predicates
      list.push(declaration as Any)
      setOrigin(declaration, origin)
    } else {
      const connector = connectorOf(declaration, kind)
      set.connectors.push(connector)
      setOrigin(connector, origin)
    }
  }
  return set
}

/** Both together; the first goes first. */
export function joined(...sets: readonly PluginSet[]): PluginSet {
  return {
    connectors: sets.flatMap(({ connectors }) => connectors),
    converters: sets.flatMap(({ converters }) => converters),
    transforms: sets.flatMap(({ transforms }) => transforms),
    predicates: sets.flatMap(({ predicates }) => predicates),
  }
}
