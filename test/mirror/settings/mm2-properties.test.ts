/**
 * Goal: an mm2.properties that works with MirrorMaker 2 works here, and one that does not is refused with the setting and the reason.
 * Method: files as users write them, with settings at each of the three levels.
 */
import { describe, expect, test } from 'vitest'
import { MirrorSettingsError, parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'

const file = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]),
  )

const two = `
clusters = us, central
us.bootstrap.servers = localhost:1
central.bootstrap.servers = localhost:2, localhost:3
us->central.enabled = true
`

describe('mm2.properties', () => {
  test('a common file: one flow, defaults of MirrorMaker 2, heartbeats both ways, no warning', () => {
    const settings = parseMirrorSettings(
      file(`${two}
      us->central.topics = orders, pay.*
      central->us.enabled = false
      tasks.max = 2
      replication.factor = 1
      checkpoints.topic.replication.factor = 1
      offset.storage.replication.factor = 1
      status.storage.replication.factor = 1
      us.consumer.isolation.level = read_committed
      dedicated.mode.enable.internal.rest = true
      listeners = http://localhost:8443`),
    )
    expect(settings.warnings).toEqual([])
    expect(settings.flows.map((flow) => flow.name)).toEqual(['us->central'])
    expect(settings.heartbeats.map((flow) => flow.name).sort()).toEqual(['central->us', 'us->central'])
    const [flow] = settings.flows
    expect(flow!.config['replication.factor']).toBe(1)
    expect(flow!.config['isolation.level']).toBe('read_committed')
    expect(flow!.config['emit.checkpoints.interval.seconds']).toBe(60)
    expect(flow!.target.config['bootstrap.servers']).toEqual(['localhost:2', 'localhost:3'])
    expect(['orders', 'payments', 'other'].map(flow!.topicFilter)).toEqual([true, true, false])
    expect(['connect-a', 'g'].map(flow!.groupFilter)).toEqual([false, true])
    expect(['min.insync.replicas', 'retention.ms'].map(flow!.propertyFilter)).toEqual([false, true])
  })

  test('a cluster that is named twice is one', () => {
    const settings = parseMirrorSettings(file(two.replace('us, central', 'us, central, us')))
    expect(settings.flows.map((flow) => flow.name)).toEqual(['us->central'])
    expect(settings.clusters.map(({ alias }) => alias)).toEqual(['us', 'central'])
  })

  test('the setting with the longest prefix takes precedence', () => {
    const read = (more: string) => parseMirrorSettings(file(two + more)).flows[0]!.config['replication.factor']
    expect(read('')).toBe(2)
    expect(read('replication.factor = 3')).toBe(3)
    expect(read('replication.factor = 3\ncentral.replication.factor = 4')).toBe(4)
    expect(read('replication.factor = 3\ncentral.replication.factor = 4\nus->central.replication.factor = 5')).toBe(5)
  })

  test('an unknown setting is a warning, once, with the name that may be meant', () => {
    const { warnings } = parseMirrorSettings(
      file(`${two}
      refresh.topic.interval.seconds = 5
      us->central.refresh.topic.interval.seconds = 5
      us->mars.enabled = true`),
    )
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/refresh\.topic\.interval\.seconds is not known.*refresh\.topics\.interval\.seconds/)
    expect(warnings[1]).toMatch(/us->mars\.enabled.*mars/)
  })

  test('exactly-once support is a warning that says what is guaranteed instead; its default is not', () => {
    const { warnings } = parseMirrorSettings(
      file(`${two}
      exactly.once.source.support = enabled
      central.exactly.once.source.support = enabled
      us.exactly.once.source.support = disabled
      us->central.exactly.once.support = required`),
    )
    expect(warnings).toHaveLength(3)
    for (const name of ['exactly.once.source.support', 'central.exactly.once.source.support', 'us->central.exactly.once.support'])
      expect(warnings.find((warning) => warning.startsWith(`${name} = `))).toMatch(/has no effect.*each record is mirrored once.*counted/)
  })

  test('access control lists are synced every ten minutes, unless the file says otherwise', () => {
    const settingsOf = (more: string) => {
      const { flows, warnings } = parseMirrorSettings(file(`${two}${more}`))
      expect(warnings).toEqual([])
      const { config } = flows[0]!
      return [config['sync.topic.acls.enabled'], config['sync.topic.acls.interval.seconds']]
    }
    expect(settingsOf('')).toEqual([true, 600])
    expect(settingsOf('us->central.sync.topic.acls.enabled = true\nsync.topic.acls.interval.seconds = 60')).toEqual([true, 60])
    expect(settingsOf('sync.topic.acls.enabled = false')).toEqual([false, 600])
  })

  test.each([
    ['', /clusters: Missing/],
    ['clusters = us, central\nus.bootstrap.servers = localhost:1\nus->central.enabled = true', /central\.bootstrap\.servers/],
    [
      'clusters = us, central\nus.bootstrap.servers = localhost:99999\ncentral.bootstrap.servers = localhost:1',
      /us\.bootstrap\.servers.*host:port/,
    ],
    [`${two}replication.policy.separator = /`, /replication\.policy\.separator.*letters, digits/],
    [`${two}topics = \\p{Alpha}+`, /topics.*a Unicode or POSIX class/],
    [`${two}us->central.replication.factor = many`, /us->central\.replication\.factor.*Not a number/],
    [`${two}us->central.topics = (`, /us->central\.topics.*regular expression/],
    [`${two}replication.policy.class = com.example.Mine`, /replication\.policy\.class.*DefaultReplicationPolicy/],
    [`${two}us.security.protocol = TLS`, /us\.security\.protocol.*PLAINTEXT/],
    [`${two}topic.filter.class = com.example.Mine`, /topic\.filter\.class/],
    [`${two}sync.topic.acls.interval.seconds = 0`, /sync\.topic\.acls\.interval\.seconds.*at least 1/],
    [
      `${two}central->us.enabled = true\nreplication.policy.class = IdentityReplicationPolicy`,
      /topics.*endless loop by.*us->central.*DefaultReplicationPolicy/,
    ],
  ])('an invalid value is refused, with what to change: %#', (text, message) => {
    expect(() => parseMirrorSettings(file(text))).toThrow(MirrorSettingsError)
    expect(() => parseMirrorSettings(file(text))).toThrow(message)
  })

  test('the identity policy both ways is accepted if the topics differ', () => {
    const settings = parseMirrorSettings(
      file(`${two}
      central->us.enabled = true
      us->central.topics = a.*
      central->us.topics = b.*
      replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy`),
    )
    expect(settings.flows).toHaveLength(2)
  })
})
