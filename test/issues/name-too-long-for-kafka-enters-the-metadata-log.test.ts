/**
 * Goal: a name that Apache Kafka cannot read never enters the metadata log: Kafka would not start on the folder any more. Method: a
 * flexible request, whose lengths have no bound of their own, with a string of one byte more than Kafka reads.
 */
import { expect, test } from 'vitest'
import createAcls from '../../core/apis/30-create-acls.ts'
import { limits } from '../../core/wire/limits.ts'
import { brokerInProcess } from '../broker-in-process.ts'

test('a string of 32,768 bytes closes the connection, as in Kafka; one of 32,767 is stored', async () => {
  const running = await brokerInProcess({
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  })
  const acl = { resourceType: 3, resourcePatternType: 3, principal: 'User:a', host: '*', operation: 3, permissionType: 3 }
  const create = async (length: number) => {
    const client = await running.client()
    return client.send(createAcls, 3, { creations: [{ ...acl, resourceName: 'g'.repeat(length) }] })
  }
  try {
    expect((await create(limits.stringBytes)).results).toMatchObject([{ errorCode: 0 }])
    await expect(create(limits.stringBytes + 1)).rejects.toThrow('the connection was closed')
    expect([...running.broker.cluster.acls.all()].map(({ resourceName }) => resourceName.length)).toEqual([limits.stringBytes])
  } finally {
    await running.stop()
  }
})
