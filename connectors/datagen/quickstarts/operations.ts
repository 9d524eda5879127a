/**
 * Ready-made schemas of what runs a network: system logs, devices, decisions of firewalls. Fields and types are those of Confluent's
 * quickstarts, and the values are our own.
 */
import { between, counting, matching, oneOf, type Quickstart, record } from './avro-json.ts'
import { addresses, personNames } from './value-tables.ts'

/** Of the range for local use. */
const macs = addresses.map((_, index) => `02-00-5E-00-53-${index.toString(16).toUpperCase().padStart(2, '0')}`)
const endpoint = (name: string) => record(name, { ip: oneOf('string', addresses), port: between('int', 10_000, 99_999) })

export const operations: Readonly<Record<string, Quickstart>> = {
  syslog_logs: {
    key: 'host',
    schema: record(
      'syslog_logs',
      {
        name: matching('[a-zA-Z]{5,8}'),
        type: oneOf('string', ['RFC5424', 'RFC3164', 'CEF', 'UNKNOWN']),
        message: matching('[a-z ]{10,15}'),
        host: oneOf('string', addresses),
        version: oneOf('string', ['1.0.0']),
        tag: oneOf('string', ['.source.s_src']),
        level: between('int', 0, 191),
        facility: oneOf('string', ['syslog', 'authpriv', 'cron']),
        severity: between('int', 0, 8),
        appName: matching('[A-Z]{5,8}'),
        remoteAddress: oneOf('string', addresses),
        rawMessage: matching('[a-z ]{10,15}'),
        processId: matching('[1-9]{1}[0-9]{6}'),
        messageId: matching('[1-9]{1}[0-9]{2}'),
        deviceVendor: matching('[a-z]{5}'),
        deviceProduct: matching('[a-z]{5}'),
        deviceVersion: oneOf('string', ['1.0', '2.0', '3.0', '4.0', '5.0']),
        ts: counting('long', 1_609_459_200_000, 100),
      },
      'syslogs',
    ),
  },
  device_information: {
    key: 'device_ip',
    schema: record(
      'device_information',
      { device_ip: oneOf('string', addresses), mac_address: oneOf('string', macs), owner: oneOf('string', personNames) },
      'device_information',
    ),
  },
  siem_logs: {
    key: 'hostname',
    schema: record(
      'siem_logs',
      {
        hostname: oneOf('string', addresses),
        action: oneOf('string', ['allow', 'deny']),
        l4: oneOf('string', ['tcp']),
        access_group: oneOf('string', ['admin', 'guests', 'staff', 'servers']),
        source: endpoint('source'),
        destination: endpoint('destination'),
      },
      'siem_logs',
    ),
  },
}
