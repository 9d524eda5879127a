/**
 * Ready-made schemas of shops: orders, products, purchases, payments, pizzas, shoes, trades. Fields and types are those of Confluent's
 * quickstarts, and the values are our own.
 */
import {
  between,
  clock,
  counting,
  decimalBetween,
  listOf,
  logicalBetween,
  matching,
  oneOf,
  type Quickstart,
  record,
  table,
} from './avro-json.ts'
import { addresses, cities, people, uuidOf } from './value-tables.ts'

const states = ['OR', 'OH', 'OK', 'ID', 'ME', 'VT', 'NM']
const shoeBrands = ['Northfoot', 'Birkwald', 'Solara', 'Trailwise', 'Pace & Sons']
const shoeKinds = ['Trail Runner', 'Court Classic', 'Winter Boot', 'Summer Sandal', 'City Loafer']
const shoes = Array.from({ length: 25 }, (_, index) => ({
  id: uuidOf('50e5', index),
  brand: shoeBrands[index % shoeBrands.length],
  name: `${shoeKinds[Math.floor(index / shoeBrands.length)]} ${100 + index * 4}`,
  sale_price: 3995 + index * 500,
  rating: 3 + (index % 20) / 10,
}))
const customers = people(50).map(({ first, last, email }, index) => ({
  id: uuidOf('c0de', index),
  first_name: first,
  last_name: last,
  email,
  phone: `555-01${String(index).padStart(2, '0')}`,
  street_address: `${3 + index * 2} Harbour Road`,
  state: states[index % states.length],
  zip_code: String(10_000 + index * 137),
  country: 'United States',
  country_code: 'US',
}))
const shoeIds = shoes.map(({ id }) => id)
const customerIds = customers.map(({ id }) => id)

/** Numbers of the range that is for tests. */
const cards = Array.from({ length: 24 }, (_, index) => ({
  card_id: index + 1,
  card_number: 4_000_000_000_000_000 + index * 1_111_111,
  cvv: 100 + index * 37,
  expiration_date: `${String((index % 12) + 1).padStart(2, '0')}/${28 + (index % 5)}`,
}))
const stores = cities.slice(0, 7).map((city, index) => ({ store_id: index + 1, city, state: states[index] }))

const pizzaOrder = { store_id: between('int', 1, 10) }
const orderDate = logicalBetween('int', 'date', 18_000, 19_000)
const orderLine = record('order_line', {
  product_id: between('int', 1, 100),
  category: oneOf('string', ['pizza', 'calzone', 'salad', 'dessert', 'wings']),
  quantity: between('int', 1, 6),
  unit_price: between('double', 1, 20),
  net_price: between('double', 5, 100),
})

export const commerce: Readonly<Record<string, Quickstart>> = {
  orders: {
    key: 'orderid',
    schema: record(
      'orders',
      {
        ordertime: between('long', 1_487_715_775_521, 1_519_273_364_600),
        orderid: counting('int', 0),
        itemid: matching('Item_[1-9][0-9]{0,2}'),
        orderunits: between('double', 0.1, 10),
        address: record('address', {
          city: matching('City_[1-9]{0,2}'),
          state: matching('State_[1-9]{0,2}'),
          zipcode: between('long', 10_000, 99_999),
        }),
      },
      'ksql',
    ),
  },
  stock_trades: {
    key: 'symbol',
    schema: record(
      'StockTrade',
      {
        side: oneOf('string', ['BUY', 'SELL']),
        quantity: between('int', 1, 5000),
        symbol: oneOf('string', ['ZAAQ', 'ZBTR', 'ZCVN', 'ZDKL', 'ZEMP', 'ZFRX', 'ZGWS']),
        price: between('int', 5, 1000),
        account: oneOf('string', ['AAA111', 'BBB222', 'CCC333']),
        userid: matching('User_[1-9]'),
      },
      'ksql',
    ),
  },
  inventory: {
    key: 'id',
    schema: record('inventory', { id: counting('long', 0), quantity: counting('long', 0), productid: counting('long', 0) }, 'ksql'),
  },
  product: {
    key: 'id',
    schema: record(
      'product',
      { id: counting('long', 0), name: counting('string', 0), description: counting('string', 0), price: counting('double', 0) },
      'ksql',
    ),
  },
  purchases: {
    key: 'id',
    schema: record(
      'purchase',
      {
        id: counting('long', 0),
        item_type: oneOf('string', ['lamp', 'kettle', 'scarf', 'rug', 'shelf', 'violin', 'atlas', 'bicycle', 'pan', 'puzzle']),
        quantity: between('long', 1, 10),
        price_per_unit: decimalBetween(4, 2, 10, 50),
      },
      'datagen.example',
    ),
  },
  transactions: {
    key: 'transaction_id',
    schema: record(
      'transactions',
      {
        transaction_id: counting('long', 1),
        card_id: between('long', 1, 24),
        user_id: matching('User_[1-9]{0,1}'),
        purchase_id: counting('long', 0),
        store_id: between('int', 1, 7),
      },
      'datagen.example',
    ),
  },
  stores: {
    key: 'store_id',
    schema: table(record('stores', { store_id: 'int', city: 'string', state: 'string' }, 'datagen.example'), stores),
  },
  credit_cards: {
    key: 'card_id',
    schema: table(
      record('users', { card_id: 'int', card_number: 'long', cvv: 'int', expiration_date: 'string' }, 'datagen.example'),
      cards,
    ),
  },
  pizza_orders: {
    key: 'store_id',
    schema: record(
      'pizza_orders',
      {
        ...pizzaOrder,
        store_order_id: counting('int', 1000),
        coupon_code: between('int', 1000, 2000),
        date: orderDate,
        status: oneOf('string', ['accepted']),
        order_lines: listOf(orderLine, 1, 6),
      },
      'pizza_orders',
    ),
  },
  pizza_orders_completed: {
    key: 'store_id',
    schema: record(
      'pizza_orders_completed',
      {
        ...pizzaOrder,
        store_order_id: counting('int', 1000, 2),
        date: orderDate,
        status: oneOf('string', ['completed']),
        rack_time_secs: between('int', 130, 230),
        order_delivery_time_secs: between('int', 1100, 2000),
      },
      'pizza_orders',
    ),
  },
  pizza_orders_cancelled: {
    key: 'store_id',
    schema: record(
      'pizza_orders_cancelled',
      { ...pizzaOrder, store_order_id: counting('int', 1001, 2), date: orderDate, status: oneOf('string', ['cancelled']) },
      'pizza_orders',
    ),
  },
  shoes: {
    key: 'id',
    schema: table(
      record('shoe_product', { id: 'string', brand: 'string', name: 'string', sale_price: 'int', rating: 'double' }, 'shoes'),
      shoes,
    ),
  },
  shoe_customers: {
    key: 'id',
    schema: table(
      record('shoe_customers', Object.fromEntries(Object.keys(customers[0]!).map((name) => [name, 'string'])), 'shoes'),
      customers,
    ),
  },
  shoe_orders: {
    key: 'order_id',
    schema: record(
      'shoe_orders',
      {
        order_id: counting('int', 1000),
        product_id: oneOf('string', shoeIds),
        customer_id: oneOf('string', customerIds),
        ts: clock(1_609_459_200_000, 100_000),
      },
      'shoes',
    ),
  },
  shoe_clickstream: {
    key: 'product_id',
    schema: record(
      'shoe_clickstream',
      {
        product_id: oneOf('string', shoeIds),
        user_id: oneOf('string', customerIds),
        view_time: between('int', 10, 120),
        page_url: matching('https://www[.]example[.]com/product/[a-z]{5}'),
        ip: oneOf('string', addresses),
        ts: clock(1_609_457_200_000, 10_000),
      },
      'shoes',
    ),
  },
}
