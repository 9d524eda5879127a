/**
 * The two clients of a flow, named after it and its side, so that brokers show whose connections they are.
 */
import { type Client, createClient } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'

export function createFlowClients(settings: FlowSettings, system: System): { source: Client; target: Client } {
  const create = ({ config }: FlowSettings['source'], role: 'source' | 'target') =>
    createClient(
      {
        bootstrapServers: config['bootstrap.servers'],
        clientId: `${config['client.id'] ? `${config['client.id']}|` : ''}${settings.name}|${role}`,
        requestTimeoutMs: config['request.timeout.ms'],
        metadataMaxAgeMs: settings.config['metadata.max.age.ms'],
      },
      system,
    )
  return { source: create(settings.source, 'source'), target: create(settings.target, 'target') }
}
