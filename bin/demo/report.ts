/** The end of the demo: what arrived where, as a table for people and as one value for scripts. It decides whether all went well. */
import { type Comparison, STAGES, type Stage } from './stages.ts'

export interface Report {
  ok: boolean
  seconds: number
  dataSet: { records: number; source: string }
  comparisons: Comparison[]
  mirrors: {
    name: string
    state: string
    records: number
    lagRecords: number
    lagMs: number | null
    mostLagMs: number | null
    lost: number
    repeated: number
  }[]
  failover: {
    /** Records that `us` had acknowledged and that had not left it when it was killed. They come when it is back. */
    strandedRecords: number
    /** From kill -9 to the answer of POST /mirrors/us->central/failover. */
    movedAfterMs: number
    /** From kill -9 to the group's first record on central. */
    workingAfterMs: number
    rereadPromised: number
  }
  group: { expected: number; seen: number; skipped: number; readAgain: number; beforeFailover: number }
  usBackAfterMs: number
  postgres: string
  folder: string | null
}

type Judged = Pick<Report, 'comparisons' | 'group' | 'mirrors'>

export const isUpToDate = ({ state, lagRecords }: { state: string; lagRecords: number }): boolean => state === 'RUNNING' && lagRecords === 0

/** Counts and contents agree everywhere, the group missed nothing, and the mirrors have nothing left to do: else what does not, in sentences. */
export function problems({ comparisons, group, mirrors }: Judged): string[] {
  const agrees = ({ expected, found, lost, duplicated, different }: Comparison) => found === expected && lost + duplicated + different === 0
  return [
    ...(comparisons.every(agrees) ? [] : ['The stations do not agree with the data set: see the columns lost, duplicated and different.']),
    ...(group.skipped === 0 ? [] : [`The group skipped ${group.skipped} records.`]),
    ...mirrors
      .filter((mirror) => !isUpToDate(mirror) || mirror.lost > 0)
      .map(({ name, state, lagRecords, lost }) => `The mirror ${name} is ${state}, ${lagRecords} records behind, and has lost ${lost}.`),
  ]
}

export const isOk = (report: Judged): boolean => problems(report).length === 0

const titles: Record<Stage, string> = { region: 'region', central: 'central', postgres: 'Postgres', file: 'file' }

export function reportTable(report: Report): string {
  const rows = [['topic', 'data set', ...STAGES.map((station) => titles[station]), 'lost', 'duplicated', 'different']]
  const topics = [...new Set(report.comparisons.map(({ region, topic }) => `${region} ${topic}`))]
  const sums = (of: readonly Comparison[]) =>
    (['lost', 'duplicated', 'different'] as const).map((what) => of.reduce((sum, one) => sum + one[what], 0))
  for (const name of topics) {
    const of = report.comparisons.filter(({ region, topic }) => `${region} ${topic}` === name)
    rows.push([name, of[0]!.expected, ...STAGES.map((station) => of.find((one) => one.stage === station)!.found), ...sums(of)].map(String))
  }
  const at = (station: Stage) => report.comparisons.filter((one) => one.stage === station)
  rows.push(
    [
      'all',
      report.dataSet.records,
      ...STAGES.map((station) => at(station).reduce((sum, one) => sum + one.found, 0)),
      ...sums(report.comparisons),
    ].map(String),
  )

  const { failover, group } = report
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
  const facts = [
    ...report.mirrors.map(
      (mirror) =>
        `mirror ${mirror.name}: ${mirror.records} records with its heartbeats, ${mirror.lagRecords} behind now` +
        `${mirror.mostLagMs === null ? '' : `, at most ${mirror.mostLagMs} ms behind while us was up`}; ${mirror.lost} lost, ${mirror.repeated} repeated`,
    ),
    `failover: the group was moved ${seconds(failover.movedAfterMs)} after kill -9, and at work on central after ${seconds(failover.workingAfterMs)}`,
    `the group: ${group.expected} records, ${group.beforeFailover} of them before the failover; ${group.skipped} skipped, ${group.readAgain} read again`,
    `us: back ${seconds(report.usBackAfterMs)} after its start, with the ${failover.strandedRecords} records that had not left it`,
    `took ${report.seconds.toFixed(1)} s`,
  ]
  return `${grid(rows)}\n\n${facts.map((fact) => `  ${fact}`).join('\n')}\n\n${verdict(report)}`
}

const verdict = (report: Report): string =>
  report.ok
    ? `All ${report.dataSet.records} records are at every station, once, as the data set has them.`
    : [...problems(report), 'Run with --keep to look at the logs.'].join('\n')

function grid(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  '),
  )
  const rule = '─'.repeat(lines[0]!.length)
  return [rule, lines[0], rule, ...lines.slice(1, -1), rule, lines.at(-1), rule].map((line) => `  ${line}`).join('\n')
}
