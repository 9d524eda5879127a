/**
 * The machine that a figure was measured on: figures of different machines or days cannot be compared.
 */
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

export interface MachineFacts {
  cpu: string
  cores: number
  memoryGiB: number
  kernel: string
  node: string
  commit: string
  date: string
}

export function machine(): MachineFacts {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname }).trim(),
    date: new Date().toISOString().slice(0, 10),
  }
}

export const machineLine = (facts: MachineFacts): string =>
  `${facts.cores} x ${facts.cpu}, ${facts.memoryGiB} GiB, Linux ${facts.kernel}, Node ${facts.node}, commit ${facts.commit}, ${facts.date}`
