/**
 * A Java program of test/peers/java: compiled once for a test file, into a folder that is removed at its end, and run by the class that its
 * file is named after. It needs a JDK; the JVM compiles quickly rather than well, since a test starts many.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'

const COMPILE_MS = 120_000

export interface JavaProgram {
  readonly command: 'java'
  args(...given: readonly string[]): string[]
}

/** `name` is transactional-driver for the class TransactionalDriver. Called while a file is collected, not in a test. */
export async function javaProgram(name: string, classPath: string): Promise<JavaProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-java-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const source = join(import.meta.dirname, 'java', `${name}.java`)
  try {
    await promisify(execFile)('javac', ['-d', folder, '-cp', classPath, source], { timeout: COMPILE_MS })
  } catch (cause) {
    throw new Error(`${name}.java was not compiled: a JDK of Java 17 or later must be on the PATH (openjdk-17-jdk-headless)`, { cause })
  }
  const className = name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
  return {
    command: 'java',
    args: (...given) => ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-cp', [folder, classPath].join(delimiter), className, ...given],
  }
}
