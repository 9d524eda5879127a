/**
 * The output of a benchmark: the machine, then one row for each case; the same as JSON with --json.
 */
import { readFileSync } from 'node:fs'
import { machine, machineLine } from './machine.ts'

export type Row = Record<string, string | number>

export function show(title: string, rows: readonly Row[]): void {
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ title, machine: machine(), rows }))
    return
  }
  console.log(`\n${title}\n${machineLine(machine())}`)
  const names = Object.keys(rows[0] ?? {})
  const cells = rows.map((row) => names.map((name) => shown(row[name]!)))
  const widths = names.map((name, index) => Math.max(name.length, ...cells.map((cell) => cell[index]!.length)))
  for (const line of [names, ...cells]) console.log(`  ${line.map((cell, index) => cell.padStart(widths[index]!)).join('  ')}`)
}

const shown = (value: string | number): string =>
  typeof value === 'string'
    ? value
    : value >= 1000
      ? Math.round(value).toLocaleString('en')
      : value >= 10
        ? value.toFixed(1)
        : value.toFixed(2)

/** The quantile `part` of `values`. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}

/** CPU seconds of a process so far, its resident memory and the highest so far. */
export function usage(pid: number): { cpuS: number; residentMb: number; peakMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (field: string) => Number(status.match(new RegExp(`${field}:\\s+(\\d+)`))?.[1] ?? 0) / 1024
  return { cpuS: (Number(fields[11]) + Number(fields[12])) / 100, residentMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') }
}
