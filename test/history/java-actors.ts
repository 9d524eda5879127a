/**
 * The actors of Java's client, in one process of `HistoryClient.java`. It needs a script that runs a Java class with Kafka's libraries:
 * `SCRIPT class MAIN ARG …`.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Operation } from './history.ts'

const LAST_OUTPUT_CHARACTERS = 4_096

export const javaProcesses = { writers: ['java transactions'], copiers: ['java copier'], readers: ['java reader', 'java member'] } as const
export const javaCopies = { from: 'events', into: 'copies', group: 'java-copies' } as const
export const javaReads = 'java-reads'

export interface JavaActors {
  /** Resolves when the actor has done its work. */
  done(process: string): Promise<void>
  stopWriting(): void
  /** Ends the process; what an actor is doing then is not in the history. */
  close(): Promise<void>
}

export function startJavaActors(script: string, bootstrap: string, seed: number, into: Operation[]): JavaActors {
  const child = spawn(script, ['class', join(import.meta.dirname, 'HistoryClient.java'), bootstrap, `${seed}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, KAFKA_HEAP_OPTS: '-Xmx256m' },
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const done = new Set<string>()
  const waiting = new Map<string, () => void>()
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk).slice(-LAST_OUTPUT_CHARACTERS)
  })
  // It may be gone already.
  child.stdin.on('error', () => {})
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = JSON.parse(line) as Operation | { done: string }
    if (!('done' in value)) return void into.push(value)
    done.add(value.done)
    waiting.get(value.done)?.()
  })
  return {
    done: (name) =>
      done.has(name)
        ? Promise.resolve()
        : Promise.race([
            new Promise<void>((resolve) => waiting.set(name, resolve)),
            ended.then(() => {
              if (!done.has(name)) throw new Error(`the Java process ended before ${name} was done:\n${output}`)
            }),
          ]),
    stopWriting: () => void child.stdin.write('\n'),
    async close() {
      child.stdin.end('\n')
      const stuck = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(stuck)
    },
  }
}
