/** Workloads of corners: tables made again, partitions, odd names, keys and identities that change in mid-stream, headers as text. */
import type { Workload } from './debezium-postgres.ts'

const noSnapshot = { 'snapshot.mode': 'no_data' }
const LARGE = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) AS i)"

const ODD_NAMES = ['a.b', 'q"uote', 'sp ace', 'Capital', "apo'strophe", 'x'.repeat(63), 'select', '1st', '$dollar', 'a%s']
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

export const cornerWorkloads: Workload[] = [
  {
    name: 'key changes with the header converter of Kafka Connect by default',
    settings: {
      ...noSnapshot,
      'header.converter': 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
      'extended.headers.enabled': 'false',
    },
    before: ['CREATE TABLE t (id int, "na""me" text, at date, PRIMARY KEY ("na""me", id, at))'],
    during: ["INSERT INTO t VALUES (1, 'a', '2024-02-29')", `UPDATE t SET id = 2, "na""me" = 'q"u\\o'`, 'UPDATE t SET id = 3'],
  },
  {
    name: 'names that need quotes, and tables of the same name in two schemas',
    before: [
      'CREATE SCHEMA two',
      ...ODD_NAMES.map((name) => `CREATE TABLE ${quoted(name)} (${quoted(name)} int PRIMARY KEY, "Other Column" text)`),
      ...ODD_NAMES.map((name) => `INSERT INTO ${quoted(name)} VALUES (1, 'snapshot')`),
      'CREATE TABLE two."Capital" (id int PRIMARY KEY)',
      'INSERT INTO two."Capital" VALUES (1)',
    ],
    during: [...ODD_NAMES.map((name) => `INSERT INTO ${quoted(name)} VALUES (2, 'stream')`), 'INSERT INTO two."Capital" VALUES (2)'],
  },
  ...['false', 'true'].map((root) => ({
    name: `partitions that are attached and detached, with publish.via.partition.root=${root}`,
    isPaced: true,
    settings: { ...noSnapshot, 'publish.via.partition.root': root },
    before: [
      'CREATE TABLE p (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k)',
      'CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)',
      'CREATE TABLE p2 (k int NOT NULL, gone int, v text, id int NOT NULL)',
      'ALTER TABLE p2 DROP COLUMN gone',
    ],
    during: [
      "INSERT INTO p VALUES (1, 1, 'a')",
      'ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2)',
      "INSERT INTO p VALUES (2, 2, 'b')",
      'UPDATE p SET k = 2 WHERE id = 1',
      'CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3)',
      "INSERT INTO p VALUES (3, 3, 'c')",
      'ALTER TABLE p DETACH PARTITION p1',
      "INSERT INTO p1 VALUES (9, 1, 'x')",
    ],
  })),
  {
    name: 'replica identities that change in mid-stream',
    isPaced: true,
    settings: noSnapshot,
    before: ['CREATE TABLE t (id int PRIMARY KEY, n int, v text)', 'ALTER TABLE t ALTER v SET STORAGE EXTERNAL'],
    during: [
      `INSERT INTO t SELECT 1, 1, ${LARGE}`,
      'UPDATE t SET n = 2',
      'ALTER TABLE t REPLICA IDENTITY FULL',
      'UPDATE t SET n = 3',
      'UPDATE t SET id = 2',
      'CREATE UNIQUE INDEX other ON t (id)',
      'ALTER TABLE t REPLICA IDENTITY USING INDEX other',
      'UPDATE t SET n = 4',
      'ALTER TABLE t REPLICA IDENTITY NOTHING',
      'INSERT INTO t VALUES (3)',
    ],
  },
  {
    name: 'a table that is dropped and made again, and a type that changes',
    isPaced: true,
    settings: noSnapshot,
    before: ['CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 3)'],
    during: [
      'INSERT INTO t VALUES (1)',
      'DROP TABLE t',
      "CREATE TABLE t (name text DEFAULT 'x', id bigint, PRIMARY KEY (name, id))",
      "INSERT INTO t VALUES ('a', 2)",
      "CREATE TYPE mood AS ENUM ('sad')",
      "ALTER TABLE t ADD m mood NOT NULL DEFAULT 'sad'",
      "INSERT INTO t VALUES ('b', 3)",
      'ALTER TABLE t ADD further int',
      "INSERT INTO t VALUES ('c', 4, 'sad')",
      'ALTER TABLE t RENAME id TO number',
      "INSERT INTO t VALUES ('d', 5, 'sad')",
    ],
  },
  {
    name: 'generated columns, and tables without a key',
    before: [
      'CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)',
      'INSERT INTO g VALUES (1, 2)',
      'CREATE TABLE k (a int, b text)',
      'INSERT INTO k VALUES (1, NULL)',
    ],
    during: ['INSERT INTO g VALUES (2, 3)', 'UPDATE g SET a = 4 WHERE id = 1', "INSERT INTO k VALUES (2, 'x')"],
  },
]
