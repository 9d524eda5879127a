/**
 * The contract of all plugins of a module: which checks concern each, run on what its author has given as fixtures, by class. What cannot
 * be checked for want of a fixture is said. It is plain functions without a test runner.
 */
import { type PluginSet, pluginsIn } from '../plugins/plugin-module.ts'
import { UNDEFINED_VERSION } from '../plugins/version-range.ts'
import { type ConverterContext, parseSettings, type Schema, type Settings } from '../sdk/index.ts'
import { type Checks, type FailedCheck, failuresOf } from './checks.ts'
import { sinkChecks, sourceChecks } from './connector-checks.ts'
import { converterChecks } from './converter-checks.ts'
import { type Declared, declarationChecks } from './declaration-checks.ts'
import type { SinkFixture, SourceFixture } from './fixture.ts'
import { predicateChecks } from './predicate-checks.ts'
import { type TransformFixture, transformChecks } from './transform-checks.ts'

type Config = Readonly<Record<string, string>>

/** With which a predicate selects some of the sample records. */
export interface PredicateFixture {
  readonly config?: Config
}

export interface ConverterFixture {
  readonly config?: Config
  /** The schema of `values`; without it they have none. */
  readonly schema?: Schema
  /** What it takes; by default many texts. */
  readonly values?: readonly unknown[]
  /** What the runtime gives a converter that asks for it. */
  readonly context?: ConverterContext
}

/** A source or a sink has a function that makes its fixture, anew for each check. */
export type ContractFixture =
  | (() => Promise<SourceFixture | SinkFixture> | SourceFixture | SinkFixture)
  | TransformFixture
  | PredicateFixture
  | ConverterFixture

/** By the class of the plugin. `$Key` and `$Value` of a transform may share one. */
export type ContractFixtures = Readonly<Record<string, ContractFixture>>

export interface PluginReport {
  readonly class: string
  readonly kind: 'source' | 'sink' | 'flow' | 'converter' | 'transformation' | 'predicate'
  /** How many checks it keeps. */
  readonly passed: number
  readonly failed: readonly FailedCheck[]
  /** Why some checks were not run, and what to do; null where all were. */
  readonly notChecked: string | null
}

export interface ContractFailure {
  readonly class: string
  readonly check: string
  readonly message: string
}

// biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type, which its settings parse to
type Any = any
type Before = (plugin: string, check: string) => void

/** Collects what the checks of one plugin say. */
class Report {
  passed = 0
  readonly failed: FailedCheck[] = []
  notChecked: string | null = null
  readonly #of: Pick<PluginReport, 'class' | 'kind'>
  readonly #before: Before

  constructor(of: Pick<PluginReport, 'class' | 'kind'>, before: Before) {
    this.#of = of
    this.#before = before
  }

  async run<Subject>(checks: Checks<Subject>, subject: () => Subject | Promise<Subject>): Promise<void> {
    const failed = await failuresOf(checks, subject, (check) => this.#before(this.#of.class, check))
    this.failed.push(...failed)
    this.passed += Object.keys(checks).length - failed.length
  }

  get result(): PluginReport {
    const { passed, failed, notChecked } = this
    return { ...this.#of, passed, failed, notChecked }
  }
}

const noFixture = (className: string, form: string): string =>
  `there is no fixture for ${className}: export ${form} under this name from contract.js`

/** Makes fixtures and stops those that were made. */
function stopping<F extends SourceFixture | SinkFixture>(make: () => unknown) {
  const made: F[] = []
  return {
    make: async (): Promise<F> => {
      const fixture = (await make()) as F
      made.push(fixture)
      return fixture
    },
    stop: async (): Promise<void> => {
      for (const fixture of made.splice(0)) await fixture.stop?.()
    },
  }
}

async function checkSide(
  className: string,
  kind: 'source' | 'sink',
  side: Any,
  doc: string,
  fixtures: ContractFixtures,
  before: Before,
): Promise<PluginReport> {
  const report = new Report({ class: className, kind }, before)
  await report.run<Declared>(declarationChecks, () => ({ class: className, doc, settings: side.settings }))
  const fixture = Object.hasOwn(fixtures, className) ? fixtures[className] : undefined
  if (typeof fixture !== 'function') report.notChecked = noFixture(className, `a function that makes a ${kind} fixture`)
  else {
    const { make, stop } = stopping(fixture)
    const withStop = <S>(checks: Checks<S>): Checks<S> =>
      Object.fromEntries(
        Object.entries(checks).map(([title, check]) => [
          title,
          async (subject: S) => {
            try {
              await check(subject)
            } finally {
              await stop()
            }
          },
        ]),
      )
    if (kind === 'source') await report.run(withStop(sourceChecks), () => ({ side, make: make as () => Promise<SourceFixture> }))
    else await report.run(withStop(sinkChecks), () => ({ side, make: make as () => Promise<SinkFixture> }))
  }
  return report.result
}

async function checkOther(
  kind: 'converter' | 'transformation' | 'predicate',
  declaration: Any,
  fixtures: ContractFixtures,
  before: Before,
): Promise<PluginReport> {
  const className: string = declaration.class
  const report = new Report({ class: className, kind }, before)
  await report.run<Declared>(declarationChecks, () => declaration)
  const name = [className, className.replace(/\$(Key|Value)$/, '')].find((each) => Object.hasOwn(fixtures, each))
  const needs = Object.values(declaration.settings as Settings).some(({ required }) => required)
  const fixture = name === undefined ? undefined : (fixtures[name] as Any)
  const config: Config = fixture?.config ?? {}
  if (fixture === undefined && needs) {
    report.notChecked = noFixture(className, kind === 'transformation' ? '{ configs: [{ … }] }' : '{ config: { … } }')
  } else if (kind === 'transformation')
    await report.run(transformChecks, () => ({ declaration, fixture: { configs: [{}], ...(fixture as TransformFixture | undefined) } }))
  else if (kind === 'predicate') await report.run(predicateChecks, () => ({ declaration, config }))
  else {
    const { schema, values, context } = (fixture ?? {}) as ConverterFixture
    const make = () => declaration.create(parseSettings(declaration.settings as Settings, config), false, context)
    await report.run(converterChecks, () => ({ make, schema: schema ?? null, values }))
  }
  return report.result
}

async function reportsOf(set: PluginSet, fixtures: ContractFixtures, before: Before): Promise<PluginReport[]> {
  const reports: PluginReport[] = []
  for (const { source, sink, flow, doc } of set.connectors) {
    if (source) reports.push(await checkSide(source.class, 'source', source, doc, fixtures, before))
    if (sink) reports.push(await checkSide(sink.class, 'sink', sink, doc, fixtures, before))
    if (flow) {
      const report = new Report({ class: flow.class, kind: 'flow' }, before)
      await report.run<Declared>(declarationChecks, () => ({ class: flow.class, doc, settings: flow.settings }))
      report.notChecked = 'a flow does its own input and output: only its declaration can be checked'
      reports.push(report.result)
    }
  }
  for (const declaration of set.converters) reports.push(await checkOther('converter', declaration, fixtures, before))
  for (const declaration of set.transforms) reports.push(await checkOther('transformation', declaration, fixtures, before))
  for (const declaration of set.predicates) reports.push(await checkOther('predicate', declaration, fixtures, before))
  return reports
}

/**
 * `exported` is the default export of a plugin's module. `before` is called before each check. @throws NotAPlugin
 */
export async function contractReport(
  exported: unknown,
  fixtures: ContractFixtures = {},
  before: Before = () => {},
): Promise<readonly PluginReport[]> {
  return await reportsOf(pluginsIn(exported, { module: null, version: UNDEFINED_VERSION, location: null }), fixtures, before)
}

/** All that plugins do not keep, for a test of one line: it must be empty. What was not checked for want of a fixture is in it too. */
export async function contractFailures(exported: unknown, fixtures: ContractFixtures = {}): Promise<readonly ContractFailure[]> {
  return (await contractReport(exported, fixtures)).flatMap(({ class: name, kind, failed, notChecked }) => [
    ...failed.map(({ check, error }) => ({ class: name, check, message: error.message })),
    ...(notChecked === null || kind === 'flow' ? [] : [{ class: name, check: 'has a fixture', message: notChecked }]),
  ])
}
