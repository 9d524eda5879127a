/**
 * Goal: the level of the audit log is altered like that of any logger of the broker, under Kafka's name. Method: a broker process with its
 * real log; requests that a super user is allowed. Lines and limits are in standard-authorizer.test.ts.
 */
import { expect, test } from 'vitest'
import describeAcls from '../../../../core/apis/29-describe-acls.ts'
import describeConfigs from '../../../../core/apis/32-describe-configs.ts'
import incrementalAlterConfigs from '../../../../core/apis/44-incremental-alter-configs.ts'
import { AUDIT_LOGGER } from '../../../../core/security/acl/audit-log.ts'
import { rawClient } from '../../../raw-client.ts'
import { startTestBroker } from '../../../running-broker.ts'
import { until } from '../../../until.ts'

test('allowed decisions are in the log from DEBUG on', async () => {
  const broker = await startTestBroker({
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  })
  const client = await rawClient(broker.port)
  const described = () =>
    client.send(describeAcls, 3, { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }) // biome-ignore format: one line
  const logger = { resourceType: 8, resourceName: '1' }
  const setLevel = async (value: string) => {
    const resources = [{ ...logger, configs: [{ name: AUDIT_LOGGER, configOperation: 0, value }] }]
    const { responses } = await client.send(incrementalAlterConfigs, 1, { resources, validateOnly: false })
    expect(responses).toMatchObject([{ errorCode: 0 }])
  }
  const count = () => broker.output.match(/Principal = User:ANONYMOUS is Allowed operation = DESCRIBE .* for request = DescribeAcls /g)?.length ?? 0 // biome-ignore format: one line
  try {
    await described()
    const resources = [{ ...logger, configurationKeys: [AUDIT_LOGGER] }]
    const { results } = await client.send(describeConfigs, 4, { resources, includeSynonyms: false, includeDocumentation: false })
    expect(results[0]!.configs).toMatchObject([{ name: 'kafka.authorizer.logger', value: 'INFO' }])
    await setLevel('DEBUG')
    await described()
    await until(() => count() === 1, 'a line of the audit log')
    await setLevel('INFO')
    await described()
    await setLevel('DEBUG')
    await described()
    await until(() => count() === 2, 'another line of the audit log')
  } finally {
    client.close()
    await broker.stop()
  }
})
