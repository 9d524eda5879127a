/**
 * Kafka's command-line tools in one JVM: each command is the class of a tool with its arguments, its outcome what the tool printed and the
 * exit code that it ended with. Called while a file is collected, not in a test.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'

export interface Outcome {
  readonly code: number
  readonly text: string
}

export interface KafkaTools {
  run(command: readonly string[]): Promise<Outcome>
  end(): Promise<void>
}

/** Gives what starts the JVM. */
export async function kafkaTools(): Promise<() => KafkaTools> {
  const program = await javaProgram('admin-tools', kafkaClassPath())
  return () => {
    const child = spawn(program.command, program.args(), { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return {
      async run(command) {
        child.stdin.write(`${JSON.stringify(command)}\n`)
        const { value, done } = await answers.next()
        if (done) throw new Error(`the tools ended at ${command.join(' ')}`)
        return JSON.parse(value) as Outcome
      },
      async end() {
        child.stdin.end()
        await ended
      },
    }
  }
}

/** What a tool says about a broker, without what must differ between two clusters, and without where in its own code a tool has failed. */
export function normalized({ code, text }: Outcome, { address, port, dir }: { address: string; port: number; dir: string }): Outcome {
  const lines = text
    .replaceAll(address, 'ADDRESS')
    .replaceAll(dir, 'DIR')
    .replace(/CONTROLLER:\/\/[\w.:]+/g, 'CONTROLLER')
    .replaceAll(`${port}`, 'PORT')
    .replace(/((?:Topic|Cluster)\s?I[dD]: *)[\w-]{22}/g, '$1ID')
    .split('\n')
    .filter((line) => !/^(\tat |\t\.\.\. \d+ more)/.test(line))
    .map((line) => line.trimEnd())
  return { code, text: lines.join('\n').trim() }
}
