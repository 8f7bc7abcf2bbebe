import { isoOf } from '../calendar.ts'
import type { SampleRow } from '../sample.ts'
import { tables } from './catalogue.ts'
import type { Call, Customer, Fact, Order, Purchase, Visit } from './facts.ts'
import { botAgent, browserAgent, products, stores, zone } from './world.ts'

const types = {
  page: 'web.webpagedetails.pageViews',
  product: 'commerce.productViews',
  cart: 'commerce.productListAdds',
  order: 'commerce.purchases',
} as const

export function* rowsOf(fact: Fact): Generator<SampleRow> {
  switch (fact.kind) {
    case 'visit': {
      const made = { table: fact.surface === 'web' ? tables.web : tables.app, row: visitRow(fact) }
      yield made
      if (fact.isDoubled) yield made
      break
    }
    case 'purchase':
      yield { table: tables.store, row: purchaseRow(fact) }
      break
    case 'call':
      yield { table: tables.calls, row: callRow(fact) }
      break
    default:
      fact satisfies never
  }
}

function visitRow({ id, at, receivedAt, type, device, signedIn, page, referrer, order, isBot }: Visit) {
  return {
    _id: id,
    timestamp: isoOf(at),
    receivedTimestamp: isoOf(receivedAt),
    eventType: types[type],
    identityMap: {
      ECID: [{ id: device.ecid, primary: signedIn === undefined }],
      ...(signedIn === undefined ? {} : { CRMID: [{ id: signedIn, primary: true }] }),
    },
    environment: { browserDetails: { userAgent: isBot ? botAgent : browserAgent } },
    web: { webPageDetails: { name: page, URL: `https://shop.example/${encodeURIComponent(page)}` } },
    ...(referrer === undefined ? {} : { channel: { typeAtSource: referrer } }),
    ...(order ? commerceOf(order) : {}),
  }
}

function purchaseRow({ id, at, customer, store, order }: Purchase) {
  return {
    _id: id,
    timestamp: isoOf(at),
    eventType: 'commerce.purchases',
    identityMap: { CRMID: [{ id: customer.number, primary: true }] },
    placeContext: { storeID: store.id, localTime: localTimeOf(at) },
    ...(customer.account ? { accountID: customer.account.id } : {}),
    ...commerceOf(order),
  }
}

function callRow({ id, at, customer, reason, seconds }: Call) {
  return {
    _id: id,
    timestamp: isoOf(at),
    eventType: 'callCentre.call',
    identityMap: { CRMID: [{ id: customer.number, primary: true }] },
    call: { reason, seconds },
  }
}

function commerceOf({ id, product, quantity }: Order) {
  const priceTotal = (product.price * quantity) / 100
  return {
    commerce: { order: { purchaseID: id, priceTotal, currencyCode: 'EUR' } },
    productListItems: [{ SKU: product.sku, quantity, priceTotal }],
  }
}

const local = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })

/** `2026-03-29 03:00:00`, as the clock on the wall of a store. */
export function localTimeOf(at: number): string {
  return local.format(at)
}

export function* customerRows(
  customer: Customer,
  devices: readonly { ecid: string; linkedAt: number }[],
): Generator<SampleRow> {
  const { number, firstName, lastName, account, earlierNumber, mergedAt } = customer
  yield {
    table: tables.profiles,
    row: {
      _id: number,
      customerID: number,
      city: customer.city,
      loyaltyLevel: customer.level,
      person: { name: { firstName, lastName } },
      personalEmail: { address: `customer${customer.index}@mail.example` },
    },
  }
  const link = (namespace: string, identity: string, at: number): SampleRow => ({
    table: tables.links,
    row: { _id: `${namespace}:${identity}`, namespace, identity, customerID: number, linkedAt: isoOf(at) },
  })
  for (const { ecid, linkedAt } of devices) yield link('ECID', ecid, linkedAt)
  if (earlierNumber !== undefined && mergedAt !== undefined) yield link('CRMID', earlierNumber, mergedAt)
  if (!account) return
  yield {
    table: tables.contacts,
    row: { _id: `${account.id}:${number}`, accountID: account.id, customerID: number, role: 'buyer' },
  }
  if (customer.index % 20 === 0) {
    const { id, name, industry } = account
    yield { table: tables.accounts, row: { _id: id, accountID: id, name, industry } }
  }
}

export function* worldRows(): Generator<SampleRow> {
  for (const { sku, name, category, price } of products) {
    yield { table: tables.products, row: { _id: sku, SKU: sku, name, category, price: price / 100 } }
  }
  for (const { id, city } of stores) {
    yield { table: tables.stores, row: { _id: id, storeID: id, city, zone } }
  }
}
