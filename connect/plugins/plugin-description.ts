/**
 * Plugins as plain data, which one thread gives another, and declarations made of that data: they have the names, versions and settings of
 * the plugin and none of its code. Their settings keep the text of a value, and the code is called through `remote`.
 */
import { invariant } from '../../core/errors.ts'
import { type Connector, declared, type PluginKind, type Setting, type Settings } from '../sdk/index.ts'
import { originOf, type PluginOrigin, setOrigin } from './origins.ts'
import type { PluginSet } from './plugin-module.ts'

/** What of an object is no function. */
type Plain = Readonly<Record<string, unknown>>

interface Described {
  /** With settings that are plain too. */
  readonly plain: Plain
  /** The names of its functions. */
  readonly functions: readonly string[]
}

export type PluginDescription = { readonly origin: PluginOrigin } & (
  | ({ readonly kind: 'converter' | 'transformation' | 'predicate' } & Described)
  | { readonly kind: 'connector'; readonly plain: Plain; readonly sides: Readonly<Partial<Record<'source' | 'sink' | 'flow', Described>>> }
)

/** The functions of a connector that are called besides its tasks: their arguments and results are plain data. */
const remoteFunctions = ['tasks', 'checkPositions', 'checkSystem', 'observe'] as const
export type RemoteFunction = (typeof remoteFunctions)[number]

/** A call of a connector's function; the config among its arguments has the texts of its settings. */
export interface RemoteCall {
  readonly class: string
  readonly version: string
  readonly name: RemoteFunction
  /** Without the signal of checkSystem and observe: the thread has one of its own. */
  readonly args: readonly unknown[]
}

/** No signal goes to another thread. */
const sentArgs = (args: readonly unknown[]): unknown[] => args.filter((each) => !(each instanceof AbortSignal))

const sideNames = ['source', 'sink', 'flow'] as const

const plainOf = (value: object): Plain => Object.fromEntries(Object.entries(value).filter(([, part]) => typeof part !== 'function'))

function describe(declaration: { settings: Settings }): Described {
  const { settings, ...rest } = declaration
  const described = Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, plainOf(setting)]))
  const functions = Object.entries(declaration).flatMap(([name, part]) => (typeof part === 'function' ? name : []))
  return { plain: { ...plainOf(rest), settings: described }, functions }
}

/** Where something of the plugins is no plain data, the message of the thread throws. */
export function descriptionsOf({ connectors, converters, transforms, predicates }: PluginSet): PluginDescription[] {
  const others = [
    ...converters.map((declaration) => ({ kind: 'converter' as const, declaration })),
    ...transforms.map((declaration) => ({ kind: 'transformation' as const, declaration })),
    ...predicates.map((declaration) => ({ kind: 'predicate' as const, declaration })),
  ]
  return [
    ...connectors.map((connector) => {
      const { source, sink, flow, ...rest } = connector
      const sides = Object.fromEntries(
        Object.entries({ source, sink, flow }).flatMap(([name, side]) => (side ? [[name, describe(side)]] : [])),
      )
      return { kind: 'connector' as const, origin: originOf(connector), plain: plainOf(rest), sides }
    }),
    ...others.map(({ kind, declaration }) => ({ kind, origin: originOf(declaration), ...describe(declaration) })),
  ]
}

/** It keeps the text: the thread that has the plugin parses it. */
const settingOf = (plain: Plain): Setting<string | null> => ({
  ...(plain as unknown as Setting<string | null>),
  parse: (_name, raw) => raw,
})

const settingsOf = (plain: Plain): Settings =>
  Object.fromEntries(Object.entries(plain.settings as Record<string, Plain>).map(([name, setting]) => [name, settingOf(setting)]))

/** A function that only the thread of a task calls. */
const elsewhere = (name: string) => () => invariant(false, `${name} of a plugin of plugin.path was called outside of its thread`)

/** `remote` runs a function of a connector where its code is. */
export function declarationsOf(
  descriptions: readonly PluginDescription[],
  remote: (call: RemoteCall, origin: PluginOrigin) => Promise<unknown>,
): PluginSet {
  const of = (kind: PluginKind) =>
    descriptions.flatMap((description) => {
      if (description.kind === 'connector' || description.kind !== kind) return []
      const { plain, functions, origin } = description
      const declaration = declared(kind, { ...plain, settings: settingsOf(plain), ...withoutCode(functions) })
      setOrigin(declaration, origin)
      return declaration
    })
  const connectors = descriptions.flatMap((description) => {
    if (description.kind !== 'connector') return []
    const { plain, sides, origin } = description
    const version = (plain.version as string | undefined) ?? origin.version
    const parts = sideNames.flatMap((name) => {
      const side = sides[name]
      if (!side) return []
      const calls = Object.fromEntries(
        remoteFunctions
          .filter((own) => side.functions.includes(own))
          .map((own) => [
            own,
            (...args: unknown[]) => remote({ class: side.plain.class as string, version, name: own, args: sentArgs(args) }, origin),
          ]),
      )
      return [
        [name, declared(name, { ...side.plain, settings: settingsOf(side.plain), ...withoutCode(side.functions), ...calls })] as const,
      ]
    })
    const connector = declared('connector', { ...plain, ...Object.fromEntries(parts) } as unknown as Connector)
    setOrigin(connector, origin)
    return connector
  })
  return {
    connectors,
    converters: of('converter') as unknown as PluginSet['converters'],
    transforms: of('transformation') as unknown as PluginSet['transforms'],
    predicates: of('predicate') as unknown as PluginSet['predicates'],
  }
}

/** `check` is left out: a config that names the plugin is validated in its thread as a whole. */
const withoutCode = (functions: readonly string[]) =>
  Object.fromEntries(
    functions.filter((name) => name !== 'check' && !remoteFunctions.some((own) => own === name)).map((name) => [name, elsewhere(name)]),
  )
