/**
 * Java libraries that a test needs beside those of the peers' own setup, brought by name with Maven once and kept in the folder of the
 * peers. `classPath` names them as java does.
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { kafkaScript } from './apache-kafka.ts'

const FETCH_MS = 240_000
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'

const home = (): string => execFileSync(kafkaScript(), ['home'], { encoding: 'utf8' }).trim()

/** The libraries of the Apache Kafka that the tests run. */
export const kafkaClassPath = (): string => join(home(), 'libs', '*')

/** The libraries of Debezium that `kafka setup databases` brings. */
export function debeziumClassPath(): string {
  const folder = join(home(), 'databases')
  if (!existsSync(folder)) throw new Error(`${folder} is not there: run "kafka setup databases"`)
  return join(folder, '*')
}

/** `artifacts` are group:artifact:version; with all that they need to run. */
export async function mavenClassPath(name: string, artifacts: readonly string[]): Promise<string> {
  const folder = join(home(), name)
  if (!existsSync(folder)) await fetchJars(folder, artifacts)
  return join(folder, '*')
}

/** Into a folder of its own first, so that what is half fetched is never used. */
async function fetchJars(folder: string, artifacts: readonly string[]): Promise<void> {
  mkdirSync(home(), { recursive: true })
  const fresh = mkdtempSync(`${folder}-`)
  const dependencies = artifacts.map((artifact) => {
    const [groupId, artifactId, version] = artifact.split(':')
    return `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`
  })
  const project = '<modelVersion>4.0.0</modelVersion><groupId>tributary.peers</groupId><artifactId>jars</artifactId><version>1</version>'
  const pom = join(fresh, 'pom.xml')
  writeFileSync(pom, `<project>${project}<packaging>pom</packaging><dependencies>${dependencies.join('')}</dependencies></project>`)
  try {
    await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, COPY, `-DoutputDirectory=${fresh}`, '-DincludeScope=runtime'], {
      timeout: FETCH_MS,
    })
    if (!existsSync(folder)) renameSync(fresh, folder)
  } catch (cause) {
    throw new Error(`Maven could not bring ${artifacts.join(', ')}: "kafka setup" installs Maven`, { cause })
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}
