/**
 * The settings of the connections to the database, by Debezium's names: where it is, who connects, TLS, and what each session begins with.
 * All connections of a task, and those of its checks, use them.
 */
import { setting } from '../../connect/sdk/index.ts'

const nonEmpty = (text: string) => (text === '' ? 'String must be non-empty' : undefined)

export const connectionSettings = {
  'database.hostname': setting.string({
    doc: 'The host of the database server',
    importance: 'HIGH',
    group: 'Connection',
    check: nonEmpty,
  }),
  'database.port': setting.int({
    doc: 'The port of the database server',
    default: 5432,
    importance: 'HIGH',
    group: 'Connection',
    check: (port) => (port < 1 || port > 65535 ? 'Value must be between 1 and 65535' : undefined),
  }),
  'database.user': setting.string({
    doc: 'The user: it needs REPLICATION and SELECT on the tables',
    importance: 'HIGH',
    group: 'Connection',
    check: nonEmpty,
  }),
  'database.password': setting.password({ doc: "The user's password", default: null, importance: 'HIGH', group: 'Connection' }),
  'database.dbname': setting.string({
    doc: 'The database of which changes are captured',
    importance: 'HIGH',
    group: 'Connection',
    check: nonEmpty,
  }),
  'database.sslmode': setting.oneOf(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'], {
    doc: "Whether the connection is encrypted: 'prefer' and 'allow' try TLS where the server has it, 'require' accepts any certificate, 'verify-ca' and 'verify-full' check it",
    default: 'prefer',
    group: 'Connection',
  }),
  'database.sslrootcert': setting.string({
    doc: 'A PEM file with the certificates of the authorities to trust, for verify-ca and verify-full',
    default: null,
    group: 'Connection',
  }),
  'database.sslcert': setting.string({ doc: "A PEM file with the client's certificate", default: null, group: 'Connection' }),
  'database.sslkey': setting.string({ doc: "A PEM file with the client's private key", default: null, group: 'Connection' }),
  'database.sslpassword': setting.password({ doc: 'The password of the private key', default: null, group: 'Connection' }),
  'database.tcpKeepAlive': setting.boolean({ doc: 'Whether TCP keep-alive is on', default: true, importance: 'LOW', group: 'Connection' }),
  'database.query.timeout.ms': setting.int({
    doc: 'How long a statement may take before it is cancelled; 0 is without limit. Snapshots have no limit.',
    default: 600_000,
    importance: 'LOW',
    group: 'Connection',
    least: 0,
  }),
  'database.initial.statements': setting.string({
    doc: 'SQL statements to run on each connection for queries, separated by a semicolon; two semicolons stand for one',
    default: null,
    importance: 'LOW',
    group: 'Connection',
  }),
}
