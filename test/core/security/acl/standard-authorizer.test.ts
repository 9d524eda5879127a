/**
 * Goal: the authorizer follows every change of the access control lists at once, whatever it has decided before, and its audit log says
 * what Kafka's says, bounded. Method: a source that the test changes, a clock that the test moves, loggers that keep their lines.
 */
import { describe, expect, test } from 'vitest'
import { type AclChange, patternTypes, permissionTypes, type StoredAcl } from '../../../../core/security/acl/acl.ts'
import { MAX_CHARACTERS_OF_PRINCIPAL, MAX_CHARACTERS_PER_SECOND } from '../../../../core/security/acl/audit-log.ts'
import { registerAuthorizerMetrics } from '../../../../core/security/acl/authorizer-metrics.ts'
import { StandardAuthorizer } from '../../../../core/security/acl/standard-authorizer.ts'
import { type Action, aclOperations, resourceTypes } from '../../../../core/security/authorizer.ts'
import { type Clock, realClock } from '../../../../core/system/clock.ts'
import type { LogLevel } from '../../../../core/system/logger.ts'
import { Metrics } from '../../../../core/system/metrics.ts'
import { keepingLogger, type LogLine } from '../../../broker-in-process.ts'
import { randomFrom } from '../../../random.ts'
import { Samples } from './acl-samples.ts'
import { naiveDecision } from './naive-decision.ts'

const acl = (id: string, given: Partial<StoredAcl> = {}): StoredAcl => ({
  id,
  resourceType: resourceTypes.Topic,
  resourceName: 'orders',
  patternType: patternTypes.LITERAL,
  principal: 'User:alice',
  host: '*',
  operation: aclOperations.Read,
  permissionType: permissionTypes.ALLOW,
  ...given,
})
const DENY = { permissionType: permissionTypes.DENY }

class Story {
  readonly lines: LogLine[] = []
  readonly authorizer: StandardAuthorizer
  level: LogLevel = 'debug'
  #listener: (change: AclChange) => void = () => {}
  #afterSecond: (() => void) | null = null

  constructor(acls: readonly StoredAcl[] = [], superUsers = '', allowEveryoneIfNoAclFound = false) {
    const clock: Clock = {
      ...realClock,
      after: (_, task) => {
        this.#afterSecond = task
        return { cancel: () => {} }
      },
    }
    const levels: LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug']
    const kept = keepingLogger(this.lines)
    const named = { ...kept, isLevelEnabled: (level: LogLevel) => levels.indexOf(level) <= levels.indexOf(this.level) }
    const logger = { ...kept, child: (bindings: { part?: string }) => (bindings.part === 'kafka.authorizer.logger' ? named : kept) }
    const source = { all: () => acls, onChanged: (listener: (change: AclChange) => void) => void (this.#listener = listener) }
    this.authorizer = new StandardAuthorizer(source, { superUsers, allowEveryoneIfNoAclFound }, { logger, clock })
  }

  change({ created = [], deleted = [] }: Partial<AclChange>): void {
    this.#listener({ created, deleted })
  }

  secondPasses(): void {
    this.#afterSecond?.()
  }

  may(operation: Action['operation'], resourceName = 'orders', given: Partial<Action> = {}, principal = 'User:alice'): boolean {
    const action = { operation, resourceType: 'Topic', resourceName, api: 'Fetch', resourceReferenceCount: 1, logIfAllowed: true, logIfDenied: true, ...given } as const // biome-ignore format: one line
    return this.authorizer.authorize({ principal, host: '/10.0.0.1' }, action)
  }
}

describe('decisions', () => {
  test('a created entry is in effect, a deleted one is not, also for what was decided before', () => {
    const story = new Story()
    expect(story.may('Read')).toBe(false)
    story.change({ created: [acl('1')] })
    expect(story.may('Read')).toBe(true)
    story.change({ created: [acl('2', { ...DENY, patternType: patternTypes.PREFIXED, resourceName: 'o' })] })
    expect(story.may('Read')).toBe(false)
    story.change({ deleted: [acl('2', { ...DENY, patternType: patternTypes.PREFIXED, resourceName: 'o' })] })
    expect(story.may('Read')).toBe(true)
    story.change({ deleted: [acl('1')] })
    expect(story.may('Read')).toBe(false)
  })

  test('when one of the entries of a resource is removed, the others stay in effect (CVE-2024-27309)', () => {
    const deny = acl('deny', { ...DENY, operation: aclOperations.Write })
    const allow = acl('allow', { operation: aclOperations.All, principal: 'User:*' })
    const story = new Story([deny, allow, acl('third', { host: '10.0.0.9' })])
    expect([story.may('Write'), story.may('Read')]).toEqual([false, true])
    story.change({ deleted: [acl('third', { host: '10.0.0.9' })] })
    expect([story.may('Write'), story.may('Read')]).toEqual([false, true])
    story.change({ deleted: [allow] })
    expect([story.may('Write'), story.may('Read')]).toEqual([false, false])
    story.change({ created: [allow], deleted: [deny] })
    expect([story.may('Write'), story.may('Read')]).toEqual([true, true])
  })

  test('super users may do everything, whatever is denied', () => {
    const story = new Story(
      [acl('1', { ...DENY, principal: 'User:*', resourceName: '*', operation: aclOperations.All })],
      'User:root;User:alice',
    )
    expect([story.may('Delete'), story.may('Delete', 'orders', {}, 'User:bob')]).toEqual([true, false])
    const requester = (principal: string) => ({ principal, host: '/10.0.0.1' })
    expect(story.authorizer.authorizeByResourceType(requester('User:root'), 'Write', 'Topic', 'InitProducerId')).toBe(true)
    expect(story.authorizer.authorizeByResourceType(requester('User:bob'), 'Write', 'Topic', 'InitProducerId')).toBe(false)
  })

  test('everyone may use a resource without entries, where that is set', () => {
    const story = new Story([acl('1', { principal: 'User:bob' })], '', true)
    expect([story.may('Read', 'free'), story.may('Read', 'orders')]).toEqual([true, false])
    expect(story.authorizer.authorizeByResourceType({ principal: 'User:x', host: '/h' }, 'Write', 'Topic', 'InitProducerId')).toBe(true)
  })

  test('what is known about a type follows the changes too', () => {
    const story = new Story()
    const mayWriteSome = (host: string) =>
      story.authorizer.authorizeByResourceType({ principal: 'User:alice', host }, 'Write', 'Topic', 'InitProducerId')
    const write = acl('1', { operation: aclOperations.Write, host: '10.0.0.1' })
    const deny = acl('2', { ...DENY, operation: aclOperations.Write, resourceName: '*' })
    const decisions = () => [mayWriteSome('/10.0.0.1'), mayWriteSome('/10.0.0.2')]
    expect(decisions()).toEqual([false, false])
    story.change({ created: [write] })
    expect([decisions(), decisions()]).toEqual([
      [true, false],
      [true, false],
    ])
    story.change({ created: [deny] })
    expect(decisions()).toEqual([false, false])
    story.change({ deleted: [deny] })
    expect(decisions()).toEqual([true, false])
  })

  test('the hosts of IPv6 are those that Java prints', () => {
    const story = new Story([acl('1', { host: '0:0:0:0:0:0:0:1' })])
    const action = { operation: 'Read', resourceType: 'Topic', resourceName: 'orders', api: 'Fetch', resourceReferenceCount: 1, logIfAllowed: true, logIfDenied: true } as const // biome-ignore format: one line
    expect(story.authorizer.authorize({ principal: 'User:alice', host: '/::1' }, action)).toBe(true)
    expect(story.authorizer.authorize({ principal: 'User:alice', host: '/::2' }, action)).toBe(false)
  })

  test('random changes between questions that repeat: a cached decision is never an old one', () => {
    const random = randomFrom(99)
    const samples = new Samples(random)
    for (let run = 0; run < 50; run++) {
      const story = new Story()
      story.level = 'silent'
      const listed = samples.acls(30)
      const questions = Array.from({ length: 6 }, () => samples.question())
      const present = new Map<string, StoredAcl>()
      for (let step = 0; step < 40; step++) {
        const acl = listed[Math.floor(random() * listed.length)]!
        if (present.delete(acl.id)) story.change({ deleted: [acl] })
        else {
          present.set(acl.id, acl)
          story.change({ created: [acl] })
        }
        for (const question of [...questions, ...questions]) {
          const { principal, host, ...asked } = question
          const action = { ...asked, api: 'Fetch', resourceReferenceCount: 1, logIfAllowed: true, logIfDenied: true }
          const decision = story.authorizer.authorize({ principal, host: `/${host}` }, action)
          expect(decision).toBe(naiveDecision([...present.values()], question) ?? false)
        }
      }
    }
  })
})

describe('the audit log', () => {
  test('denied at INFO, allowed at DEBUG, with the rule', () => {
    const story = new Story([acl('1')], 'User:root')
    story.may('Read', 'orders', { resourceReferenceCount: 3, api: 'Produce' })
    story.may('Write')
    story.may('Write', 'x', {}, 'User:root')
    const head = (who: string, what: string, topic: string) => `Principal = ${who} is ${what} from host = 10.0.0.1 on resource = Topic:LITERAL:${topic}` // biome-ignore format: one line
    expect(story.lines.map(({ level, message }) => [level, message])).toEqual([
      [
        'debug',
        `${head('User:alice', 'Allowed operation = READ', 'orders')} for request = Produce with resourceRefCount = 3 based on rule ` +
          'MatchingAcl(acl=StandardAcl[resourceType=TOPIC, resourceName=orders, patternType=LITERAL, principal=User:alice, host=*, operation=READ, permissionType=ALLOW])',
      ],
      [
        'info',
        `${head('User:alice', 'Denied operation = WRITE', 'orders')} for request = Fetch with resourceRefCount = 1 based on rule DefaultDeny`,
      ],
      [
        'debug',
        `${head('User:root', 'Allowed operation = WRITE', 'x')} for request = Fetch with resourceRefCount = 1 based on rule SuperUser`,
      ],
    ])
  })

  test('what is not to be logged is not; nor is what the level of the logger leaves out', () => {
    const story = new Story([acl('1')])
    story.may('Read', 'orders', { logIfAllowed: false })
    story.may('Write', 'orders', { logIfDenied: false })
    story.level = 'info'
    story.may('Read')
    expect(story.lines).toEqual([])
    story.may('Write')
    expect(story.lines).toHaveLength(1)
    story.level = 'error'
    story.may('Write')
    expect(story.lines).toHaveLength(1)
  })

  test('a question about a type is logged where it is allowed by the rule of super users or without entries', () => {
    const story = new Story([], 'User:root')
    const requester = (principal: string) => ({ principal, host: '/10.0.0.1' })
    story.authorizer.authorizeByResourceType(requester('User:root'), 'Write', 'Topic', 'InitProducerId')
    story.authorizer.authorizeByResourceType(requester('User:bob'), 'Write', 'Topic', 'InitProducerId')
    expect(story.lines.map(({ message }) => message)).toEqual([
      'Principal = User:root is Allowed operation = WRITE from host = 10.0.0.1 on resource = Topic:LITERAL:hardcode ' +
        'for request = InitProducerId with resourceRefCount = 0 based on rule SuperUser',
    ])
  })

  test('a flood is cut off and counted; it takes none of the room of allowed lines and of other principals', () => {
    const story = new Story([acl('1')])
    const charactersOf = (level: string) => {
      const texts = story.lines.filter((line) => line.level === level).map(({ message }) => message)
      return { count: texts.length, characters: texts.join('').length }
    }
    const ask = 10_000
    for (let i = 0; i < ask; i++) story.may('Read')
    for (let i = 0; i < ask; i++) story.may('Write', `t${i}`)
    const [allowed, denied] = [charactersOf('debug'), charactersOf('info')]
    for (const { characters } of [allowed, denied]) {
      expect(characters).toBeGreaterThanOrEqual(MAX_CHARACTERS_OF_PRINCIPAL)
      expect(characters).toBeLessThan(MAX_CHARACTERS_OF_PRINCIPAL + 1000)
    }
    story.may('Write', 'orders', {}, 'User:bob')
    expect(charactersOf('info').count).toBe(denied.count + 1)
    story.lines.length = 0
    story.secondPasses()
    const leftOut = ask - denied.count
    expect(story.lines).toEqual([
      { level: 'info', details: { leftOut }, message: expect.stringMatching(`^${leftOut} decisions were left out`) },
    ])
    story.may('Write')
    expect(charactersOf('info').count).toBe(2)
    story.authorizer.close()
    expect(story.lines.at(-1)).toMatchObject({ level: 'debug', details: { leftOut: ask - allowed.count } })
    expect(story.authorizer.counters.linesLeftOut).toBe(2 * ask - allowed.count - denied.count)
  })

  test('floods of many principals are cut off too', () => {
    const story = new Story()
    for (let i = 0; i < 20_000; i++) story.may('Read', 'orders', {}, `User:u${i % 100}`)
    const characters = story.lines.map(({ message }) => message).join('').length
    expect(characters).toBeGreaterThanOrEqual(MAX_CHARACTERS_PER_SECOND)
    expect(characters).toBeLessThan(MAX_CHARACTERS_PER_SECOND + 1000)
  })

  test('a name may be as long as the protocol has them: it takes its part of the room', () => {
    const story = new Story()
    for (let i = 0; i < 100; i++) story.may('Read', 'g'.repeat(32_767))
    expect(story.lines.length).toBe(Math.ceil(MAX_CHARACTERS_OF_PRINCIPAL / story.lines[0]!.message.length))
  })
})

test('metrics count what clients asked for, and the entries', async () => {
  const story = new Story([acl('1'), acl('2', { principal: 'User:bob' })])
  const metrics = new Metrics()
  registerAuthorizerMetrics(metrics, story.authorizer)
  story.may('Read')
  story.may('Write')
  story.may('Write')
  story.may('Write', 'orders', { logIfDenied: false })
  story.change({ created: [acl('3', { host: 'h' })], deleted: [acl('1'), acl('2', { principal: 'User:bob' })] })
  const text = await metrics.registry.metrics()
  expect(text).toMatch(/^tributary_broker_authorizations_allowed_total 1$/m)
  expect(text).toMatch(/^tributary_broker_authorizations_denied_total 2$/m)
  expect(text).toMatch(/^tributary_broker_access_control_entries 1$/m)
  expect(text).toMatch(/^tributary_broker_audit_lines_left_out_total 0$/m)
})
