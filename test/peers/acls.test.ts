/**
 * Goal: who may do what is what Kafka's StandardAuthorizer says, down to the line in its audit log. Method: random access control lists and
 * questions go to it, in a Java program, and to ours.
 */
import { spawn } from 'node:child_process'
import { expect, test, vi } from 'vitest'
import { patternTypes, permissionTypes, type StoredAcl } from '../../core/security/acl/acl.ts'
import { StandardAuthorizer } from '../../core/security/acl/standard-authorizer.ts'
import { aclOperations, resourceTypes } from '../../core/security/authorizer.ts'
import { realClock } from '../../core/system/clock.ts'
import { keepingLogger, type LogLine } from '../broker-in-process.ts'
import { type Sample, Samples } from '../core/security/acl/acl-samples.ts'
import { randomFrom } from '../random.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const CASES = 1500
const program = await javaProgram('acl-decisions', kafkaClassPath())

interface Case extends Sample {
  readonly superUsers: string
  readonly allowEveryone: boolean
}

interface Answer {
  /** Of the audit log. */
  readonly lines: readonly string[]
  readonly types: readonly boolean[]
}

function answersOfKafka(cases: readonly Case[]): Promise<Answer[]> {
  const child = spawn(program.command, program.args(), { stdio: ['pipe', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
    child.once('error', reject)
    child.once('close', () => resolve(output.trimEnd().split('\n').map((line) => JSON.parse(line) as Answer))) // biome-ignore format: one line
    for (const { questions, ...given } of cases) {
      const coded = questions.map((question) => ({
        ...question,
        operation: aclOperations[question.operation],
        resourceType: resourceTypes[question.resourceType],
      }))
      child.stdin.write(`${JSON.stringify({ ...given, questions: coded, types: coded })}\n`)
    }
    child.stdin.end()
  })
}

function ourAnswer({ acls, questions, superUsers, allowEveryone }: Case): Answer {
  const lines: LogLine[] = []
  const source = { all: () => acls, onChanged: () => {} }
  const settings = { superUsers, allowEveryoneIfNoAclFound: allowEveryone }
  const authorizer = new StandardAuthorizer(source, settings, { logger: keepingLogger(lines), clock: realClock })
  const audited = { api: 'Fetch', resourceReferenceCount: 1, logIfAllowed: true, logIfDenied: true }
  for (const { principal, host, ...action } of questions) authorizer.authorize({ principal, host: `/${host}` }, { ...action, ...audited })
  const asked = lines.map(({ message }) => message)
  const types = questions.map(({ principal, host, operation, resourceType }) =>
    authorizer.authorizeByResourceType({ principal, host: `/${host}` }, operation, resourceType, 'InitProducerId'),
  )
  authorizer.close()
  return { lines: asked, types }
}

test(`${CASES} random access control lists have the same decisions, by the same rules`, async () => {
  const random = randomFrom(20_240_312)
  const samples = new Samples(random)
  const cases = Array.from({ length: CASES }, (_, index): Case => {
    const superUsers = index % 5 === 0 ? 'User:bob; User:CN=a,OU=b' : ''
    return { ...samples.sample(1 + Math.floor(random() * 40), 20), superUsers, allowEveryone: index % 3 === 0 }
  })
  const theirs = await answersOfKafka(cases)
  expect(theirs).toHaveLength(CASES)
  for (const [index, given] of cases.entries()) expect(ourAnswer(given), JSON.stringify(given)).toEqual(theirs[index])
  // The samples decide in every way.
  const all = theirs.flatMap(({ lines }) => lines).join('\n')
  for (const rule of ['Allowed .*SuperUser', 'Allowed .*ALLOW]', 'Denied .*DENY]', 'Denied .*DefaultDeny', 'Allowed .*DefaultAllow'])
    expect(all.match(new RegExp(rule, 'g'))?.length, rule).toBeGreaterThan(CASES / 10)
  const types = theirs.flatMap((answer) => answer.types)
  for (const value of [true, false]) expect(types.filter((type) => type === value).length).toBeGreaterThan(CASES)
})

test('an entry for * concerns every name with us; with Kafka not those that begin with *', async () => {
  const acl = (permissionType: number): StoredAcl => ({ id: `${permissionType}`, resourceType: resourceTypes.Group, resourceName: '*', patternType: patternTypes.LITERAL, principal: 'User:alice', host: '*', operation: aclOperations.Read, permissionType }) // biome-ignore format: one line
  const question = { principal: 'User:alice', host: '127.0.0.1', operation: 'Read', resourceType: 'Group', resourceName: '*group' } as const
  const cases = [permissionTypes.ALLOW, permissionTypes.DENY].map((permission) => ({ acls: [acl(permission)], questions: [question], superUsers: '', allowEveryone: true })) // biome-ignore format: one line
  const rules = (answers: readonly Answer[]) => answers.map(({ lines }) => lines[0]!.replace(/.* based on rule /, '').replace(/.*permissionType=/, '')) // biome-ignore format: one line
  expect(rules(await answersOfKafka(cases))).toEqual(['DefaultAllow', 'DefaultAllow'])
  expect(rules(cases.map(ourAnswer))).toEqual(['ALLOW])', 'DENY])'])
})
