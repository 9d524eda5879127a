/** Workloads of snapshots: markers, kinds of tables, lists and statements, notifications; incremental and blocking ones by signals. */
import type { Workload } from './debezium-postgres.ts'

const SIGNALS = 'CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048))'
const notes = { 'notification.enabled.channels': 'sink', 'notification.sink.topic.name': 'NAME.notes' }
const signals = { ...notes, 'signal.data.collection': 'public.signals', 'snapshot.mode': 'no_data', 'incremental.snapshot.chunk.size': '4' }
const rows = (table: string, count: number) =>
  `CREATE TABLE ${table} (id int PRIMARY KEY, name text, n numeric(6,2) DEFAULT 1.5); INSERT INTO ${table} SELECT i, 'row ' || i, i / 4.0 FROM generate_series(1, ${count}) AS i`
const signal = (id: string, type: string, data: object) =>
  `INSERT INTO signals VALUES ('${id}', '${type}', '${JSON.stringify(data).replaceAll("'", "''")}')`

export const snapshotWorkloads: Workload[] = [
  {
    name: 'an initial snapshot of several tables, and the stream after it',
    settings: notes,
    before: [
      rows('a', 3),
      rows('b', 1),
      'CREATE TABLE c (id int)',
      'INSERT INTO c VALUES (1), (NULL)',
      'CREATE TABLE e (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), big text, tags text[], j jsonb, b bytea)',
      `INSERT INTO e (at, big, tags, j, b) VALUES ('2024-02-29 12:00:00.123456+02', repeat('x', 9000), '{a,NULL,"b c"}', '{"k": [1, 2]}', '\\x00ff')`,
      'CREATE TABLE z_empty (id int PRIMARY KEY)',
    ],
    during: ["UPDATE a SET name = 'new' WHERE id = 2", 'DELETE FROM b', 'INSERT INTO z_empty VALUES (7)'],
  },
  {
    name: 'a snapshot of which the first table is empty',
    before: ['CREATE TABLE a (id int PRIMARY KEY)', rows('b', 2), rows('c', 2)],
    during: [],
  },
  {
    name: 'partitions and inheritance',
    before: [
      'CREATE TABLE p (id int PRIMARY KEY, k text) PARTITION BY RANGE (id)',
      'CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)',
      'CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)',
      "INSERT INTO p VALUES (1, 'a'), (11, 'b'), (12, 'c')",
      'CREATE TABLE q (id int PRIMARY KEY)',
      'CREATE TABLE q1 (extra int) INHERITS (q)',
      'INSERT INTO q VALUES (1)',
      'INSERT INTO q1 VALUES (2, 3)',
    ],
    during: ["INSERT INTO p VALUES (2, 'd')"],
  },
  {
    name: 'tables in the order of the list',
    settings: { ...notes, 'table.include.list': 'public.c,public.[ab],public.zz_marker,public\\.B' },
    before: [rows('a', 2), rows('b', 2), rows('c', 2), rows('d', 2)],
    during: [],
  },
  {
    name: 'lists and statements',
    settings: {
      'snapshot.include.collection.list': 'public\\.A, public.b.*',
      'snapshot.select.statement.overrides': 'public.b',
      'snapshot.select.statement.overrides.public.b': 'SELECT * FROM public.b WHERE id > 1 ORDER BY id DESC',
      'column.exclude.list': 'public.a.n',
    },
    before: [rows('a', 2), rows('b', 3), rows('c', 2), 'CREATE SCHEMA "Odd schema"', rows('"Odd schema"."b"', 1)],
    during: ["INSERT INTO c VALUES (9, 'c')"],
  },
  {
    name: 'a publication with a list of columns, in an initial snapshot and the stream after it',
    settings: { 'publication.autocreate.mode': 'disabled', 'publication.name': 'listed' },
    before: [rows('a', 3), 'CREATE PUBLICATION listed FOR TABLE a (id, name)'],
    during: [
      'ALTER PUBLICATION listed ADD TABLE zz_marker',
      "INSERT INTO a VALUES (9, 'streamed', 2)",
      "UPDATE a SET name = 'new' WHERE id = 2",
      'DELETE FROM a WHERE id = 1',
    ],
  },
  {
    name: 'a publication with a list of columns, in an incremental snapshot',
    settings: { ...signals, 'publication.autocreate.mode': 'disabled', 'publication.name': 'listed' },
    before: [SIGNALS, rows('a', 3), 'CREATE PUBLICATION listed FOR TABLE a (id, name), signals'],
    during: [
      'ALTER PUBLICATION listed ADD TABLE zz_marker',
      "INSERT INTO a VALUES (9, 'streamed', 2)",
      signal('one', 'execute-snapshot', { 'data-collections': ['public.a'], type: 'incremental' }),
    ],
    counts: { 'public.a': 5 },
  },
  {
    name: 'incremental snapshots with marks of two rows',
    settings: signals,
    before: [SIGNALS, rows('a', 10), rows('b', 3), 'CREATE TABLE c (id int PRIMARY KEY)'],
    during: [
      signal('one', 'execute-snapshot', {
        'data-collections': ['public.a', 'public.b', 'public.c'],
        type: 'incremental',
        'additional-conditions': [{ 'data-collection': 'public.b', filter: 'id > 1' }],
      }),
    ],
    counts: { 'public.a': 10, 'public.b': 2, notes: 10 },
  },
  {
    name: 'incremental snapshots with marks that are deleted',
    settings: { ...signals, 'incremental.snapshot.watermarking.strategy': 'insert_delete' },
    before: [
      SIGNALS,
      rows('a', 6),
      "CREATE TABLE k (x text, y int, PRIMARY KEY (y, x)); INSERT INTO k VALUES ('a', 2), ('b', 1), ('c', 1)",
    ],
    during: [signal('one', 'execute-snapshot', { 'data-collections': ['public.[ak]'] })],
    counts: { 'public.a': 6, 'public.k': 3, notes: 8 },
  },
  {
    name: 'incremental snapshots in the order of message.key.columns, with a primary key and without one',
    settings: { ...signals, 'message.key.columns': 'public.a:pk2,pk1;public.k:y,x' },
    before: [
      SIGNALS,
      'CREATE TABLE a (pk1 int, pk2 int, n int, PRIMARY KEY (pk1, pk2))',
      'INSERT INTO a SELECT 10 - i, i / 2, i FROM generate_series(1, 9) AS i',
      'CREATE TABLE k (x text NOT NULL, y int NOT NULL)',
      "INSERT INTO k SELECT 'x' || i, i % 3 FROM generate_series(1, 6) AS i",
    ],
    during: [signal('one', 'execute-snapshot', { 'data-collections': ['public.a', 'public.k'] })],
    counts: { 'public.a': 9, 'public.k': 6, notes: 10 },
  },
  {
    name: 'a blocking snapshot',
    settings: signals,
    before: [SIGNALS, rows('a', 3), rows('b', 3)],
    during: [
      "INSERT INTO a VALUES (9, 'first')",
      signal('one', 'execute-snapshot', {
        'data-collections': ['public.a', 'public.b'],
        type: 'blocking',
        'additional-conditions': [{ 'data-collection': 'public.b', filter: 'SELECT * FROM public.b WHERE id < 3' }],
      }),
    ],
    counts: { 'public.a': 5, 'public.b': 2, notes: 7 },
  },
]
