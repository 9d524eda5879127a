/**
 * Judges what a chaos run of workers has counted and noted. Pure: it gets the records of the topic, the notes of the sinks and the faults.
 */

export interface TopicRecord {
  partition: number
  offset: number
  /** When the broker appended it. */
  appendedMs: number
  counter: string
  count: number
}

export interface Note {
  partition: number
  offset: number
  notedMs: number
  counter: string
  count: number
}

export interface FaultTime {
  /** A worker that is stopped cleanly repeats nothing. */
  clean: boolean
  startMs: number
  endMs: number
}

export interface ConnectHistory {
  records: readonly TopicRecord[]
  notes: readonly Note[]
  faults: readonly FaultTime[]
  exactlyOnce: boolean
}

export interface Verdict {
  /** What must not be; empty where all is well. */
  anomalies: string[]
  counted: number
  repeatedInTopic: number
  repeatedNotes: number
}

/** What an unclean fault may still repeat after its end: the members of the group notice it, and resume. */
const AFTERMATH_MS = 30_000
const MOST_ANOMALIES = 20

export function judge({ records, notes, faults, exactlyOnce }: ConnectHistory): Verdict {
  const anomalies: string[] = []
  const say = (anomaly: string) => void (anomalies.length < MOST_ANOMALIES && anomalies.push(anomaly))
  const unclean = faults.filter(({ clean }) => !clean)
  const isExcused = (ms: number) => unclean.some(({ startMs, endMs }) => ms >= startMs && ms <= endMs + AFTERMATH_MS)

  const highest = new Map<string, number>()
  const seen = new Set<string>()
  let repeatedInTopic = 0
  for (const { counter, count, appendedMs, offset } of records) {
    const id = `${counter} ${count}`
    const most = highest.get(counter) ?? -1
    if (seen.has(id)) {
      repeatedInTopic++
      if (exactlyOnce) say(`counter ${counter}: ${count} is in the topic twice, at offset ${offset}`)
      else if (!isExcused(appendedMs)) say(`counter ${counter}: ${count} is repeated at offset ${offset}, and no fault was near`)
    } else if (count !== most + 1) say(`counter ${counter}: ${count} comes after ${most}, at offset ${offset}`)
    seen.add(id)
    highest.set(counter, Math.max(most, count))
  }

  const byOffset = new Map(records.map((record) => [`${record.partition} ${record.offset}`, record]))
  const noted = new Set<string>()
  let repeatedNotes = 0
  for (const { partition, offset, notedMs, counter, count } of notes) {
    const id = `${partition} ${offset}`
    const record = byOffset.get(id)
    if (!record) say(`partition ${partition}: offset ${offset} was delivered, and is not in the topic`)
    else if (record.counter !== counter || record.count !== count)
      say(`partition ${partition}: offset ${offset} was delivered as ${counter} ${count}, but is ${record.counter} ${record.count}`)
    if (noted.has(id)) {
      repeatedNotes++
      if (!isExcused(notedMs)) say(`partition ${partition}: offset ${offset} was delivered again, and no fault was near`)
    }
    noted.add(id)
  }
  for (const { partition, offset } of records)
    if (!noted.has(`${partition} ${offset}`)) say(`partition ${partition}: offset ${offset} was never delivered`)
  return { anomalies, counted: seen.size, repeatedInTopic, repeatedNotes }
}
