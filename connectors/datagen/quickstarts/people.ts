/**
 * Ready-made schemas about people: users, employees, insured, contributors. Fields and types are those of Confluent's quickstarts, and
 * the values are our own.
 */
import { between, counting, listOf, logicalBetween, matching, oneOf, type Quickstart, record, table } from './avro-json.ts'
import { addresses, people as persons } from './value-tables.ts'

const user = {
  registertime: between('long', 1_487_715_775_521, 1_519_273_364_600),
  userid: matching('User_[1-9]'),
  regionid: matching('Region_[1-9]'),
  gender: oneOf('string', ['MALE', 'FEMALE', 'OTHER']),
}
const contactInfo = {
  type: 'map',
  values: 'string',
  'arg.properties': {
    options: [
      { phone: '555-0100', city: 'Graz', state: 'ST', zipcode: '8010' },
      { phone: '555-0111', city: 'Linz', state: 'UA', zipcode: '4020' },
      { phone: '555-0122', city: 'Boise', state: 'ID', zipcode: '83702' },
    ],
  },
}

const insured = persons(60).map(({ first, last, email, gender }, index) => ({
  customer_id: 200 + index * 11,
  first_name: first,
  last_name: last,
  email,
  gender,
  income: 24_000 + index * 1900,
  fico: 560 + ((index * 17) % 280),
  years_active: 1 + (index % 25),
}))
const offers = ['home', 'car', 'travel', 'life', 'dental'].map((kind, index) => ({
  offer_id: index + 1,
  offer_name: `${kind}_policy`,
  offer_url: `https://www.example.com/offers/${kind}`,
}))
const employees = persons(100).map(({ first, last, email, gender }, index) => ({
  employee_id: 1000 + index,
  first_name: first,
  last_name: last,
  age: 20 + ((index * 7) % 45),
  // Numbers of this area are not given to anybody.
  ssn: `900-${String(10 + (index % 90))}-${String(1000 + index * 83)}`,
  hourly_rate: 14 + (index % 30),
  gender,
  email,
}))

export const people: Readonly<Record<string, Quickstart>> = {
  users: { key: 'userid', schema: record('users', user, 'ksql') },
  users_: {
    key: 'userid',
    schema: record(
      'users',
      {
        ...user,
        interests: listOf(oneOf('string', ['Chess', 'Hiking', 'Films', 'Pottery', 'Rowing', 'Cooking', 'News']), 1, 4),
        contactinfo: contactInfo,
      },
      'ksql',
    ),
  },
  campaign_finance: {
    key: 'candidate_id',
    schema: record(
      'campaign_finance',
      {
        time: between('long', 1_587_715_775_521, 1_619_273_364_600),
        candidate_id: matching('[A-Z][1-9]{8,8}'),
        party_affiliation: oneOf('string', ['REP', 'DEM', 'IND']),
        contribution: between('int', 20, 3500),
      },
      'datagen',
    ),
  },
  insurance_offers: {
    key: 'offer_id',
    schema: table(record('insurance_offers', { offer_id: 'int', offer_name: 'string', offer_url: 'string' }, 'insurance'), offers),
  },
  insurance_customers: {
    key: 'customer_id',
    schema: table(
      record(
        'insurance_customers',
        {
          customer_id: 'int',
          first_name: 'string',
          last_name: 'string',
          email: 'string',
          gender: 'string',
          income: 'int',
          fico: 'int',
          years_active: 'int',
        },
        'insurance',
      ),
      insured,
    ),
  },
  insurance_customer_activity: {
    key: 'activity_id',
    schema: record(
      'insurance_customer_activity',
      {
        activity_id: counting('int', 1),
        customer_id: oneOf(
          'int',
          insured.map(({ customer_id }) => customer_id),
        ),
        activity_type: oneOf('string', ['web_open', 'mobile_open', 'new_account']),
        propensity_to_churn: between('double', 0.01, 1),
        ip_address: oneOf('string', addresses),
      },
      'insurance',
    ),
  },
  payroll_employee: {
    key: 'employee_id',
    schema: table(
      record(
        'payroll_employee',
        {
          employee_id: 'int',
          first_name: 'string',
          last_name: 'string',
          age: 'int',
          ssn: 'string',
          hourly_rate: 'int',
          gender: 'string',
          email: 'string',
        },
        'payroll',
      ),
      employees,
    ),
  },
  payroll_employee_location: {
    key: 'employee_id',
    schema: record(
      'payroll_employee_location',
      {
        employee_id: between('int', 1000, 1100),
        lab: matching('lab-\\d{1}'),
        department_id: between('int', 1, 10),
        arrival_date: logicalBetween('int', 'date', 18_000, 19_000),
      },
      'payroll',
    ),
  },
  payroll_bonus: {
    key: 'employee_id',
    schema: record(
      'payroll_bonus',
      {
        employee_id: between('int', 1000, 1100),
        bonus: between('int', 10, 50),
        ts: logicalBetween('long', 'timestamp-millis', 1_609_459_200_000, 1_640_995_199_000),
      },
      'payroll',
    ),
  },
}
