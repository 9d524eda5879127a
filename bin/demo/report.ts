/**
 * The report of the demo: which records arrived in which stage, as a table for people and as JSON for scripts, and whether it succeeded.
 * It succeeds only if every stage agrees with the data set, the consumer group skipped nothing and the mirrors have no lag.
 */
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
    maxLagMs: number | null
    lost: number
    repeated: number
  }[]
  failover: {
    /** Records of `us` that were not mirrored when its broker was killed. They follow when it runs again. */
    unmirroredRecords: number
    /** From kill -9 to the response of POST /mirrors/us->central/failover. */
    committedAfterMs: number
    /** From kill -9 to the group's first record on central. */
    readingAfterMs: number
    /** Records that the group would read again, by that response. */
    rereadsReported: number
  }
  group: { expected: number; seen: number; skipped: number; readAgain: number; beforeFailover: number }
  usUpAfterMs: number
  /** Where the Postgres server comes from. */
  postgres: string
  /** Why the changes of Postgres could not be read; else null. */
  changesMissing: string | null
  folder: string | null
}

type Judged = Pick<Report, 'comparisons' | 'group' | 'mirrors'>

export const isUpToDate = ({ state, lagRecords }: { state: string; lagRecords: number }): boolean => state === 'RUNNING' && lagRecords === 0

/** What is wrong, in sentences; empty if all stages agree with the data set, the group skipped nothing and the mirrors have no lag. */
export function problems({ comparisons, group, mirrors }: Judged): string[] {
  const agrees = ({ expected, found, lost, duplicated, different }: Comparison) => found === expected && lost + duplicated + different === 0
  return [
    ...(comparisons.every(agrees) ? [] : ['The stages do not agree with the data set: see the columns lost, duplicated and different.']),
    ...(group.skipped === 0 ? [] : [`The group skipped ${group.skipped} records.`]),
    ...mirrors
      .filter((mirror) => !isUpToDate(mirror) || mirror.lost > 0)
      .map(
        ({ name, state, lagRecords, lost }) => `The mirror ${name} is ${state}, its lag is ${lagRecords} records, and it has lost ${lost}.`,
      ),
  ]
}

export const isOk = (report: Judged): boolean => problems(report).length === 0

const titles: Record<Stage, string> = { region: 'region', central: 'central', postgres: 'Postgres', changes: 'changes', file: 'file' }

export function reportTable(report: Report): string {
  const stages = STAGES.filter((stage) => report.comparisons.some((comparison) => comparison.stage === stage))
  const rows = [['topic', 'data set', ...stages.map((stage) => titles[stage]), 'lost', 'duplicated', 'different']]
  const topics = [...new Set(report.comparisons.map(({ region, topic }) => `${region} ${topic}`))]
  const sums = (comparisons: readonly Comparison[]) =>
    (['lost', 'duplicated', 'different'] as const).map((what) => comparisons.reduce((sum, comparison) => sum + comparison[what], 0))
  for (const name of topics) {
    const ofTopic = report.comparisons.filter(({ region, topic }) => `${region} ${topic}` === name)
    rows.push(
      [
        name,
        ofTopic[0]!.expected,
        ...stages.map((stage) => ofTopic.find((comparison) => comparison.stage === stage)!.found),
        ...sums(ofTopic),
      ].map(String),
    )
  }
  const ofStage = (stage: Stage) => report.comparisons.filter((comparison) => comparison.stage === stage)
  rows.push(
    [
      'all',
      report.dataSet.records,
      ...stages.map((stage) => ofStage(stage).reduce((sum, { found }) => sum + found, 0)),
      ...sums(report.comparisons),
    ].map(String),
  )

  const { failover, group } = report
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
  const facts = [
    ...report.mirrors.map(
      (mirror) =>
        `mirror ${mirror.name}: ${mirror.records} records including heartbeats, lag ${mirror.lagRecords} now` +
        `${mirror.maxLagMs === null ? '' : `, at most ${mirror.maxLagMs} ms while all clusters were up`}; ${mirror.lost} lost, ${mirror.repeated} repeated`,
    ),
    `failover: the offsets of the group were committed on central ${seconds(failover.committedAfterMs)} after kill -9; it read its first record there after ${seconds(failover.readingAfterMs)}`,
    `the group: ${group.expected} records, ${group.beforeFailover} of them before the failover; ${group.skipped} skipped, ${group.readAgain} read again`,
    `us: up ${seconds(report.usUpAfterMs)} after its restart; ${failover.unmirroredRecords} of its records were not mirrored when it was killed`,
    ...(report.changesMissing === null ? [] : [`the changes of Postgres were not read: ${report.changesMissing}`]),
    `took ${report.seconds.toFixed(1)} s`,
  ]
  return `${grid(rows)}\n\n${facts.map((fact) => `  ${fact}`).join('\n')}\n\n${verdict(report)}`
}

const verdict = (report: Report): string =>
  report.ok
    ? `All ${report.dataSet.records} records have arrived in every stage, once and unchanged.`
    : [...problems(report), 'Run with --keep to read the logs.'].join('\n')

function grid(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  '),
  )
  const rule = '─'.repeat(lines[0]!.length)
  return [rule, lines[0], rule, ...lines.slice(1, -1), rule, lines.at(-1), rule].map((line) => `  ${line}`).join('\n')
}
