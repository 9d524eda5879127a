/** Workloads of the stream: operations, keys, replica identities, DDL, transactions, messages. */
import type { Workload } from './debezium-postgres.ts'

const noSnapshot = { 'snapshot.mode': 'no_data' }

export const streamWorkloads: Workload[] = [
  {
    name: 'inserts, updates, deletes and key changes',
    settings: noSnapshot,
    before: ['CREATE TABLE t (id int PRIMARY KEY, name text, n int NOT NULL DEFAULT 7)'],
    during: [
      "INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'c')",
      "UPDATE t SET name = 'b' WHERE id = 1",
      'UPDATE t SET id = 9 WHERE id = 1',
      'DELETE FROM t WHERE id = 2',
      "BEGIN; INSERT INTO t VALUES (4, 'd'); UPDATE t SET n = 8 WHERE id = 4; DELETE FROM t WHERE id = 4; COMMIT",
      "BEGIN; INSERT INTO t VALUES (5, 'e'); ROLLBACK",
    ],
  },
  {
    name: 'replica identities, with and without keys',
    settings: noSnapshot,
    before: [
      'CREATE TABLE full_identity (id int PRIMARY KEY, name text, big text)',
      'ALTER TABLE full_identity REPLICA IDENTITY FULL',
      'CREATE TABLE no_key (a int, b text)',
      'ALTER TABLE no_key REPLICA IDENTITY FULL',
      'CREATE TABLE unique_key (a int NOT NULL, b int NOT NULL, c text, UNIQUE (b, a))',
      'ALTER TABLE unique_key REPLICA IDENTITY USING INDEX unique_key_b_a_key',
    ],
    during: [
      "INSERT INTO full_identity SELECT 1, 'x', string_agg(md5(i::text), '') FROM generate_series(1, 500) AS i",
      "UPDATE full_identity SET name = 'y'",
      'UPDATE full_identity SET id = 2',
      'DELETE FROM full_identity',
      "INSERT INTO no_key VALUES (1, 'x')",
      "UPDATE no_key SET b = 'y'",
      'DELETE FROM no_key',
      "INSERT INTO unique_key VALUES (1, 2, 'x')",
      "UPDATE unique_key SET c = 'y'",
      'UPDATE unique_key SET a = 3',
      'DELETE FROM unique_key',
    ],
  },
  {
    name: 'transactions with metadata, messages, truncates',
    settings: { ...noSnapshot, 'provide.transaction.metadata': 'true', 'skipped.operations': 'none' },
    before: ['CREATE TABLE t (id int PRIMARY KEY)', 'CREATE TABLE u (id int PRIMARY KEY)'],
    during: [
      'BEGIN; INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (1); UPDATE t SET id = 3 WHERE id = 1; COMMIT',
      'TRUNCATE t, u',
      "SELECT pg_logical_emit_message(false, 'outside', 'world')",
    ],
  },
  {
    name: 'tables that are altered in mid-stream',
    isPaced: true,
    settings: noSnapshot,
    before: ['CREATE TABLE t (id int PRIMARY KEY, a text)'],
    during: [
      "INSERT INTO t VALUES (1, 'x')",
      'ALTER TABLE t ADD COLUMN b int DEFAULT 5',
      'INSERT INTO t (id) VALUES (2)',
      'ALTER TABLE t ALTER COLUMN b TYPE bigint',
      'INSERT INTO t (id) VALUES (3)',
      'ALTER TABLE t DROP COLUMN a',
      'INSERT INTO t (id) VALUES (4)',
      'ALTER TABLE t RENAME COLUMN b TO c',
      'INSERT INTO t (id) VALUES (5)',
      'CREATE TABLE later (id int PRIMARY KEY, name varchar(5))',
      "INSERT INTO later VALUES (1, 'abc')",
    ],
  },
  {
    name: 'messages with their own modes, and no tombstones',
    settings: {
      ...noSnapshot,
      'binary.handling.mode': 'base64',
      'tombstones.on.delete': 'false',
      'message.prefix.include.list': 'greet.*',
      'skipped.operations': 'u,t',
      'extended.headers.enabled': 'false',
    },
    before: ['CREATE TABLE t (id int PRIMARY KEY, name text)'],
    during: [
      "SELECT pg_logical_emit_message(true, 'greeting', 'hello')",
      "SELECT pg_logical_emit_message(false, 'greeting', 'again')",
      "SELECT pg_logical_emit_message(true, 'other', 'x')",
      "INSERT INTO t VALUES (1, 'a')",
      "UPDATE t SET name = 'b'",
      'UPDATE t SET id = 2',
      'DELETE FROM t',
    ],
  },
]
