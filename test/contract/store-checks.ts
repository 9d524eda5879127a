/**
 * What every log that the worker stores in keeps: what was appended is there for this and the next reader, in order, with the newest of
 * each key.
 */
import { expect } from 'vitest'
import type { Checks } from '../../connect/contract/index.ts'
import type { LogEntry, RecordLog } from '../../connect/storage/record-log.ts'

/** Opens the same records again at each call. */
export type StoreSubject = () => RecordLog

export interface OpenedLog {
  log: RecordLog
  entries: LogEntry[]
  newest: Map<string, string>
}

export async function openedLog(log: RecordLog): Promise<OpenedLog> {
  const entries: LogEntry[] = []
  const newest = new Map<string, string>()
  await log.start((entry) => {
    entries.push(entry)
    if (entry.value === null) newest.delete(entry.key)
    else newest.set(entry.key, entry.value)
  })
  return { log, entries, newest }
}

export const storeChecks: Checks<StoreSubject> = {
  'gives back what was appended, in order, to this and the next reader': async (again) => {
    const first = await openedLog(again())
    expect(first.entries).toEqual([])
    await first.log.append([
      { key: 'a', value: '1' },
      { key: 'b', value: '{"x":"ü"}' },
      { key: 'a', value: '2' },
    ])
    await first.log.append([
      { key: 'b', value: null },
      { key: 'c', value: '3' },
    ])
    await first.log.readToEnd()
    expect(first.entries.filter((entry) => entry.key === 'a').map((entry) => entry.value)).toEqual(['1', '2'])
    expect(Object.fromEntries(first.newest)).toEqual({ a: '2', c: '3' })
    await first.log.close()
    const second = await openedLog(again())
    expect(Object.fromEntries(second.newest)).toEqual({ a: '2', c: '3' })
    await second.log.close()
  },
  'many appends at once are all there': async (again) => {
    const { log } = await openedLog(again())
    await Promise.all(Array.from({ length: 50 }, (_, n) => log.append([{ key: `k${n}`, value: String(n) }])))
    await log.readToEnd()
    await log.close()
    const second = await openedLog(again())
    expect(second.newest.size).toBe(50)
    await second.log.close()
  },
  'an empty log is read to its end at once': async (again) => {
    const { log, newest } = await openedLog(again())
    await log.readToEnd()
    expect(newest.size).toBe(0)
    await log.close()
  },
}
